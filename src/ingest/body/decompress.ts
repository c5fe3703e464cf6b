import type { Transform } from "node:stream";
import {
  brotliDecompressSync,
  constants,
  createBrotliDecompress,
  createGunzip,
  createInflate,
  createInflateRaw,
  createZstdDecompress,
  gunzipSync,
  inflateRawSync,
  inflateSync,
  zstdDecompressSync,
} from "node:zlib";
import { overloaded, type RefusedBody, refused, type TakenBody, tooLarge } from "./body-result.ts";
import type { PendingBytes } from "./pending-bytes.ts";

export interface InflateLimits {
  /** Largest body after decompression. */
  readonly maxBytes: number;
  /** Most bytes out for each byte in, once more than 1 MiB came out. */
  readonly maxRatio: number;
}

/** What `Accept-Encoding` lists in the answer to another encoding (RFC 9110, 15.5.16). */
export const SUPPORTED_ENCODINGS = "gzip, deflate, br, zstd";

/** A small batch of like events compresses a hundredfold and harms nobody. */
const RATIO_FREE_BYTES = 1024 ** 2;

/**
 * Up to this size a body is decompressed in place. The thread pool costs 3 to 6 times
 * the CPU for 100 events (3 KB of gzip: 0.04 ms against 0.13 to 0.25) and still twice
 * at 1,000 (26 KB: 0.2 against 0.4). What can come out of so little is bounded by the
 * ratio, at 100 to 1.6 MiB, which takes under 2 ms.
 */
const MAX_SYNC_BYTES = 16 * 1024;

const MIN_CHUNK_BYTES = 16 * 1024;
const MAX_CHUNK_BYTES = 256 * 1024;

/** What JSON events usually expand to, generously: then the output comes in one chunk and is not copied again. */
const USUAL_RATIO = 20;

interface Options {
  readonly chunkSize: number;
  readonly maxOutputLength: number;
  readonly rejectGarbageAfterEnd: boolean;
  readonly params?: Readonly<Record<number, number>>;
}

interface Decoder {
  readonly sync: (body: Buffer, options: Options) => Buffer;
  readonly stream: (options: Options) => Transform;
}

// Gunzip goes on with the next member, if there is one, and refuses anything but zeros there by itself.
const GZIP: Decoder = {
  sync: (body, options) => gunzipSync(body, { ...options, rejectGarbageAfterEnd: false }),
  stream: (options) => createGunzip({ ...options, rejectGarbageAfterEnd: false }),
};
const ZLIB: Decoder = { sync: inflateSync, stream: createInflate };
const RAW_DEFLATE: Decoder = { sync: inflateRawSync, stream: createInflateRaw };
const BROTLI: Decoder = { sync: brotliDecompressSync, stream: createBrotliDecompress };

// RFC 9659 has senders keep the window within 8 MiB. Without a limit a frame of ten bytes may claim 2 GiB.
const WINDOW = { params: { [constants.ZSTD_d_windowLogMax]: 23 } };
const ZSTD: Decoder = {
  sync: (body, options) => zstdDecompressSync(body, { ...options, ...WINDOW }),
  stream: (options) => createZstdDecompress({ ...options, ...WINDOW }),
};

/**
 * Undoes the Content-Encoding of a body, within limits, and moves the reservation with
 * it: from the bytes that came to the bytes that came out.
 *
 * Answers at once for small bodies and those without an encoding, else by promise.
 * Never throws or rejects, whatever the bytes are.
 *
 * @param body as `readBody` took it, its length reserved in `pending`
 * @param encoding the Content-Encoding header; one encoding at most
 */
export function decompress(
  body: Buffer,
  encoding: string | undefined,
  limits: InflateLimits,
  pending: PendingBytes,
): TakenBody | RefusedBody | Promise<TakenBody | RefusedBody> {
  const names = encoding === undefined ? [] : encodingsOf(encoding);
  // An empty body is not a stream of any encoding, but means what it means without one.
  if (names.length === 0 || body.length === 0) return { kind: "body", body };
  const decoder = names.length === 1 ? decoderOf(names[0] ?? "", body) : undefined;
  if (decoder === undefined) {
    pending.release(body.length);
    const detail = `The body has the content encoding ${JSON.stringify(names.join(", ").slice(0, 60))}; send one of ${SUPPORTED_ENCODINGS}, or none.`;
    return refused("encoding_unsupported", detail);
  }
  const maxBytes = Math.min(limits.maxBytes, Math.max(RATIO_FREE_BYTES, Math.floor(body.length * limits.maxRatio)));
  const options: Options = {
    chunkSize: Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, body.length * USUAL_RATIO)),
    maxOutputLength: maxBytes,
    rejectGarbageAfterEnd: true,
  };
  const job: Job = { body, decoder, options, maxBytes, limits, pending };
  return body.length <= MAX_SYNC_BYTES ? inflateNow(job) : inflateInPool(job);
}

interface Job {
  readonly body: Buffer;
  readonly decoder: Decoder;
  readonly options: Options;
  /** What may come out: the size limit or the ratio limit, whichever is reached first. */
  readonly maxBytes: number;
  readonly limits: InflateLimits;
  readonly pending: PendingBytes;
}

function inflateNow(job: Job): TakenBody | RefusedBody {
  const { body, decoder, options, pending } = job;
  pending.release(body.length);
  let inflated: Buffer;
  try {
    inflated = decoder.sync(body, options);
  } catch (error) {
    return isTooLong(error) ? overLimit(job) : invalid(body, error);
  }
  return pending.reserve(inflated.length) ? { kind: "body", body: inflated } : overloaded();
}

/** Counts what comes out as it comes, so that no more than the limits allow is ever held. */
function inflateInPool(job: Job): Promise<TakenBody | RefusedBody> {
  const { body, decoder, options, maxBytes, pending } = job;
  return new Promise((resolve) => {
    const stream = decoder.stream(options);
    const chunks: Buffer[] = [];
    let length = 0;
    const refuse = (refusal: RefusedBody): void => {
      pending.release(body.length + length);
      stream.removeAllListeners("data").removeAllListeners("end").removeAllListeners("error");
      stream.on("error", ignore).destroy();
      resolve(refusal);
    };
    stream.on("data", (chunk: Buffer) => {
      if (length + chunk.length > maxBytes) refuse(overLimit(job));
      else if (!pending.reserve(chunk.length)) refuse(overloaded());
      else {
        chunks.push(chunk);
        length += chunk.length;
      }
    });
    stream.on("end", () => {
      pending.release(body.length);
      resolve({ kind: "body", body: Buffer.concat(chunks, length) });
    });
    stream.on("error", (error) => refuse(invalid(body, error)));
    stream.end(body);
  });
}

function encodingsOf(header: string): string[] {
  return header
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter((name) => name !== "" && name !== "identity");
}

function decoderOf(encoding: string, body: Buffer): Decoder | undefined {
  switch (encoding) {
    case "gzip":
    case "x-gzip":
      return GZIP;
    case "deflate":
      return hasZlibHeader(body) ? ZLIB : RAW_DEFLATE;
    case "br":
      return BROTLI;
    case "zstd":
      return ZSTD;
    default:
      return undefined;
  }
}

/** `deflate` means the zlib format, but some clients send it without its frame (RFC 9110, 8.4.1.2). */
function hasZlibHeader(body: Buffer): boolean {
  const method = body[0] ?? 0;
  return (method & 0x0f) === 8 && ((method << 8) | (body[1] ?? 0)) % 31 === 0;
}

function isTooLong(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ERR_BUFFER_TOO_LARGE";
}

function overLimit({ body, maxBytes, limits }: Job): RefusedBody {
  if (maxBytes >= limits.maxBytes) return tooLarge(limits.maxBytes);
  const detail = `The body decompresses to more than ${limits.maxRatio} times its ${body.length} bytes; send it less compressed, or its events in several requests.`;
  return refused("inflate_ratio_exceeded", detail);
}

const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

function invalid(body: Buffer, error: unknown): RefusedBody {
  if (body[0] === OPEN_OBJECT || body[0] === OPEN_ARRAY) {
    const detail = "The body is not compressed, it looks like JSON; leave out the Content-Encoding header.";
    return refused("encoding_invalid", detail);
  }
  // The library's own words, which do not quote the data.
  const reason = error instanceof Error ? error.message : "unknown";
  return refused("encoding_invalid", `The body is not what its Content-Encoding says, damaged or cut off: ${reason}.`);
}

/** A destroyed decoder may still report what it was doing. */
function ignore(): void {}
