import { brotliCompressSync, constants, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";

import { seededRandom } from "../../src/core/seeded-random.ts";

/** A body that is to use up memory or time, or to be read otherwise than it was meant. */
export interface HostilePayload {
  readonly name: string;
  readonly encoding?: string;
  readonly body: () => Buffer;
  /** The status it is answered with, and the code in the answer: of the request, or of its event. */
  readonly answer: readonly [status: 201] | readonly [status: 400 | 413 | 415, code: string];
}

const MIB = 1024 ** 2;

const zeros = (bytes: number): Buffer => Buffer.alloc(bytes);
const times = (count: number, part: Buffer): Buffer => Buffer.concat(Array.from({ length: count }, () => part));

function uint64(value: bigint): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(value);
  return bytes;
}

const ZSTD_MAGIC = Buffer.from([0x28, 0xb5, 0x2f, 0xfd]);

/** The head of a zstd frame (RFC 8878, 3.1.1.1): the window is 2^(10 + exponent) bytes. */
function zstdHead({ exponent, contentBytes }: { exponent?: number; contentBytes?: bigint }): Buffer {
  const single = exponent === undefined ? 0x20 : 0;
  const descriptor = (contentBytes === undefined ? 0 : 0xc0) | single;
  return Buffer.concat([
    ZSTD_MAGIC,
    Buffer.from(exponent === undefined ? [descriptor] : [descriptor, exponent << 3]),
    contentBytes === undefined ? Buffer.alloc(0) : uint64(contentBytes),
  ]);
}

/** Blocks of zstd that say "128 KiB of spaces" in four bytes each. */
function zstdRuns(blocks: number): Buffer {
  const bytes = Buffer.alloc(blocks * 4);
  for (let block = 0; block < blocks; block++) {
    const isLast = block === blocks - 1 ? 1 : 0;
    bytes.writeUIntLE((131_072 << 3) | (1 << 1) | isLast, block * 4, 3);
    bytes[block * 4 + 3] = 0x20;
  }
  return bytes;
}

const tooMuch = (encoding: string, body: () => Buffer, code = "body_too_large"): Omit<HostilePayload, "name"> => ({
  encoding,
  body,
  answer: [413, code],
});

const RATIO = "inflate_ratio_exceeded";

const broken = (encoding: string, body: () => Buffer, code = "encoding_invalid"): Omit<HostilePayload, "name"> => ({
  encoding,
  body,
  answer: [400, code],
});

const brotli = (bytes: number, params: Record<number, number>): Buffer => brotliCompressSync(zeros(bytes), { params });

/** Small bodies that become large ones, or claim to. */
export const BOMBS: readonly HostilePayload[] = named({
  "gzip, 30 MiB of zeros in 30 KB": tooMuch("gzip", () => gzipSync(zeros(30 * MIB)), RATIO),
  "gzip, 1 GiB of zeros in 1 MB": tooMuch("gzip", () => times(16, gzipSync(zeros(64 * MIB)))),
  "gzip, 1,000 members of 1 MiB": tooMuch("gzip", () => times(1_000, gzipSync(zeros(MIB)))),
  "gzip, 400,000 empty members": broken("gzip", () => times(400_000, gzipSync(zeros(0))), "empty_body"),
  "gzip, a file name of 15 MiB": broken("gzip", () =>
    Buffer.concat([Buffer.from([0x1f, 0x8b, 8, 8, 0, 0, 0, 0, 0, 3]), Buffer.alloc(15 * MIB, "a")]),
  ),
  "gzip in gzip": {
    encoding: "gzip, gzip",
    body: () => gzipSync(gzipSync(zeros(30 * MIB))),
    answer: [415, "encoding_unsupported"],
  },
  "gzip in gzip that is not announced": broken("gzip", () => gzipSync(gzipSync(zeros(30 * MIB))), "invalid_utf8"),
  "gzip, cut off": broken("gzip", () => gzipSync("x".repeat(100)).subarray(0, 20)),
  "deflate, 60 MiB of zeros": tooMuch("deflate", () => deflateSync(zeros(60 * MIB)), RATIO),
  "deflate without its frame, 60 MiB of zeros": tooMuch("deflate", () => deflateRawSync(zeros(60 * MIB)), RATIO),
  "brotli, 60 MiB of zeros": tooMuch("br", () => brotli(60 * MIB, { [constants.BROTLI_PARAM_QUALITY]: 1 }), RATIO),
  "brotli with a window of 1 GiB": broken("br", () =>
    brotli(64 * MIB, {
      [constants.BROTLI_PARAM_QUALITY]: 5,
      [constants.BROTLI_PARAM_LARGE_WINDOW]: 1,
      [constants.BROTLI_PARAM_LGWIN]: 30,
    }),
  ),
  "zstd, 60 MiB of zeros": tooMuch("zstd", () => zstdCompressSync(zeros(60 * MIB)), RATIO),
  "zstd, 12 GiB of spaces as runs": tooMuch("zstd", () =>
    Buffer.concat([zstdHead({ exponent: 11 }), zstdRuns(100_000)]),
  ),
  "zstd, 1,000 frames of 1 MiB": tooMuch("zstd", () => times(1_000, zstdCompressSync(zeros(MIB))), RATIO),
  "zstd, 100,000 empty frames": broken("zstd", () => times(100_000, zstdCompressSync(zeros(0))), "empty_body"),
  "zstd, a window of 2 GiB": broken("zstd", () => Buffer.concat([zstdHead({ exponent: 21 }), zstdRuns(10)])),
  "zstd, a content of 2⁶⁰ bytes": tooMuch(
    "zstd",
    () => Buffer.concat([zstdHead({ exponent: 11, contentBytes: 2n ** 60n }), zstdRuns(10)]),
    RATIO,
  ),
  "zstd, a single segment of 1 GiB": broken("zstd", () =>
    Buffer.concat([zstdHead({ contentBytes: 2n ** 30n }), zstdRuns(10)]),
  ),
  "zstd, a frame to skip of 4 GiB": broken("zstd", () =>
    Buffer.concat([Buffer.from([0x50, 0x2a, 0x4d, 0x18, 0xff, 0xff, 0xff, 0xff]), zeros(1_000)]),
  ),
});

const event = (data: string): Buffer => Buffer.from(`{"type":"attack.sent","data":${data}}`);

/** A body whose one event is refused, for this reason. */
const badEvent = (body: () => Buffer | string, code: string): Omit<HostilePayload, "name"> => ({
  body: () => Buffer.from(body()),
  answer: [400, code],
});

const taken = (body: () => Buffer | string): Omit<HostilePayload, "name"> => ({
  body: () => Buffer.from(body()),
  answer: [201],
});

/** Nearly as many members as an event may have. */
const members = (name: (index: number) => string, count = 9_990): Buffer =>
  event(`{${Array.from({ length: count }, (_, index) => `"${name(index)}":1`).join()}}`);

/** JSON that is deep, wide, large, or made to be slow. */
export const JSON_SHAPES: readonly HostilePayload[] = named({
  "arrays 5,000,000 deep": badEvent(() => "[".repeat(5_000_000), "invalid_json"),
  "objects 4,000,000 deep": badEvent(() => '{"a":'.repeat(4_000_000), "event_too_large"),
  "arrays 100,000 deep in an event": badEvent(() => event(`${"[".repeat(100_000)}${"]".repeat(100_000)}`), "too_deep"),
  "objects 100,000 deep in an event": badEvent(
    () => event(`${'{"a":'.repeat(100_000)}1${"}".repeat(100_000)}`),
    "too_deep",
  ),
  "10,000,000 elements": badEvent(() => event(`[${"0,".repeat(10_000_000)}0]`), "event_too_large"),
  "500,000 elements": badEvent(() => event(`[${"0,".repeat(500_000)}0]`), "too_many_keys"),
  "9,990 similar names": taken(() => members((index) => `name${index}`)),
  "9,000 names that differ at their end": taken(() => members((index) => `${"n".repeat(90)}${index}`, 9_000)),
  "9,990 names that are numbers": taken(() => members((index) => `${index}`)),
  "9,990 numbers far apart as names": taken(() => members((index) => `${4_294_967_294 - index * 65_536}`)),
  "9,990 numbers whose hashes would agree": taken(() =>
    members((index) => `${((index * 16_384) % 16_777_216) + Math.floor(index / 1_024)}`),
  ),
  "9,990 times the same name": taken(() => members(() => "same")),
  "2,000 times __proto__": taken(() =>
    event(`{${'"__proto__":{"constructor":{"prototype":{"polluted":1}}},'.repeat(2_000)}"a":1}`),
  ),
  "a number of 1 MB": taken(() => event("1".repeat(1_000_000))),
  "a fraction of 1 MB": taken(() => event(`0.${"1".repeat(1_000_000)}`)),
  "an exponent of 1,000 digits": taken(() => event(`1e${"9".repeat(1_000)}`)),
  "a string of 1 MB": taken(() => event(`"${"x".repeat(1_000_000)}"`)),
  "1 MB of escapes": taken(() => event(`"${"\\u0041".repeat(170_000)}"`)),
  "a string of 19 MB": badEvent(() => event(`"${"x".repeat(19_000_000)}"`), "event_too_large"),
  "19 MB of quotes": badEvent(() => '"'.repeat(19_000_000), "invalid_json"),
  "19 MB of backslashes": badEvent(() => `"${"\\".repeat(19_000_000)}`, "event_too_large"),
  "19 MB of commas": badEvent(() => `[${",".repeat(19_000_000)}`, "invalid_json"),
  "19 MB of spaces": badEvent(() => " ".repeat(19_000_000), "empty_body"),
  "19 MB of empty arrays": {
    body: () => Buffer.from(`[${"[],".repeat(6_000_000)}[]]`),
    answer: [413, "too_many_events"],
  },
  "10,000 events of two bytes": badEvent(() => `[${"{},".repeat(9_999)}{}]`, "required"),
  "100,000 events of two bytes": {
    body: () => Buffer.from(`[${"{},".repeat(99_999)}{}]`),
    answer: [413, "too_many_events"],
  },
});

/** Digits that compress by nearly as much as the limit on the ratio allows: `noisy` of a thousand are at random. */
function compressible(length: number, noisy: number): string {
  const random = seededRandom(1);
  const digits = (): string => Array.from({ length: noisy }, () => Math.floor(random() * 10)).join("");
  return Array.from({ length: length / 1_000 }, () => "0".repeat(1_000 - noisy) + digits()).join("");
}

/** Small on the line, large in memory, and refused only once they are read. */
export const DENSE_JSON: readonly HostilePayload[] = named({
  "a string of 19 MB, compressed": {
    encoding: "gzip",
    body: () => gzipSync(event(`"${compressible(19_000_000, 15)}"`)),
    answer: [400, "event_too_large"],
  },
  "an array of 19 MB, compressed": {
    encoding: "zstd",
    body: () => zstdCompressSync(event(`[${compressible(9_500_000, 40).replaceAll(/./g, "$&,")}0]`)),
    answer: [400, "event_too_large"],
  },
});

const bytes = (...parts: readonly (string | readonly number[])[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === "string" ? Buffer.from(part) : Buffer.from(part))));

const inText = (part: readonly number[]): Omit<HostilePayload, "name"> =>
  badEvent(() => bytes('{"type":"attack.sent","data":"', part, '"}'), "invalid_utf8");

/** Texts that are none, or that hide something from whoever reads them. */
export const TEXTS: readonly HostilePayload[] = named({
  "an overlong slash": inText([0xc0, 0xaf]),
  "an overlong NUL": inText([0xc0, 0x80]),
  "half of a surrogate pair": inText([0xed, 0xa0, 0x80]),
  "a character that is cut off": inText([0xe2, 0x82]),
  "a character past U+10FFFF": inText([0xf4, 0x90, 0x80, 0x80]),
  "bytes that are in no UTF-8": inText([0xff, 0xfe]),
  "a character that is cut off behind the event": badEvent(
    () => bytes('{"type":"attack.sent"}', [0xe2, 0x82]),
    "invalid_utf8",
  ),
  "UTF-16": badEvent(() => Buffer.from('\ufeff{"type":"attack.sent"}', "utf16le"), "invalid_utf8"),
  "a byte order mark": taken(() => '\ufeff{"type":"attack.sent"}'),
  "a byte order mark inside": badEvent(() => '[\ufeff{"type":"attack.sent"}]', "invalid_json"),
  "a NUL in a string": badEvent(() => event('"a\0b"'), "invalid_json"),
  "a NUL behind the event": badEvent(() => `${event("1").toString()}\0`, "invalid_json"),
  "a NUL as an escape": taken(() => event('"a\\u0000b"')),
  "half of a surrogate pair as an escape": taken(() => event('"\\ud800"')),
  "a line break in the type": badEvent(() => '{"type":"a\\r\\n{\\"level\\":\\"error\\"}"}', "invalid_attribute"),
  "a colour in the type": badEvent(() => '{"type":"\\u001b[31mred"}', "invalid_attribute"),
  "a line break in the id": badEvent(() => '{"type":"a","id":"a\\nb"}', "invalid_attribute"),
  "a type of 100 KB": badEvent(() => `{"type":"${"a".repeat(100_000)}"}`, "invalid_attribute"),
});

function named(payloads: Readonly<Record<string, Omit<HostilePayload, "name">>>): HostilePayload[] {
  return Object.entries(payloads).map(([name, payload]) => ({ name, ...payload }));
}

/** Sends it, and tells what is wrong with the answer; `undefined`: nothing. */
export async function faultOf(payload: HostilePayload, body: Buffer, url: string): Promise<string | undefined> {
  const headers = {
    "content-type": "application/json",
    ...(payload.encoding !== undefined && { "content-encoding": payload.encoding }),
  };
  const reply = await fetch(url, { method: "POST", headers, body: new Uint8Array(body) });
  const text = await reply.text();
  const [status, code] = payload.answer;
  if (reply.status === status && (code === undefined || text.includes(`"code":"${code}"`))) return undefined;
  return `${payload.name}: answered ${reply.status} ${text.slice(0, 200)}`;
}
