import type { IncomingHttpHeaders } from "node:http";

/**
 * What a plain request is: a POST to the event path over HTTP/1.1, whose head has one Host and
 * one Content-Length, nothing twice, nothing that asks for more than an answer, and only
 * characters that no two parsers read differently. Whatever else comes is node's to read.
 */
export interface PlainHead {
  /** Path and query. */
  readonly url: string;
  readonly headers: IncomingHttpHeaders;
  bodyBytes: number;
  /** Up to and with the empty line. */
  readonly headBytes: number;
  /** Where the digits of the Content-Length are. */
  readonly lengthStart: number;
  readonly lengthEnd: number;
}

/** Longest head that is looked at. Those of browsers have some 700 bytes. */
const MAX_HEAD_BYTES = 8 * 1024;

/** Largest body that is taken here. */
const MAX_LENGTH_DIGITS = 6;

const START = Buffer.from("POST /v1/events");
const VERSION = " HTTP/1.1\r\n";
const END = Buffer.from("\r\n\r\n");
const QUESTION_MARK = 0x3f;
const SPACE = 0x20;
const ZERO = 0x30;

/** A query of characters that RFC 3986 allows there, without the rarer of them. */
const QUERY = /^\?[\w.~!$'()*+,;:@/?%&=-]*$/;

/** Name and value as almost all clients write them. Values of printable ASCII, without blanks at their ends. */
const HEADER = /^([A-Za-z][A-Za-z0-9-]*): ?([!-~](?:[ -~]*[!-~])?)$/;

/** They change where a request ends, what becomes of its connection, or what is to be answered first. */
const NOT_PLAIN: ReadonlySet<string> = new Set([
  "transfer-encoding",
  "te",
  "trailer",
  "expect",
  "upgrade",
  "http2-settings",
  "keep-alive",
  "proxy-connection",
  "proxy-authorization",
  "set-cookie",
]);

/** Reads the head of the request that begins where the bytes do; `undefined` when it is not plain, or not there whole. */
export function readPlainHead(bytes: Buffer, maxHeadBytes: number): PlainHead | undefined {
  if (!beginsAsPlain(bytes)) return undefined;
  const headBytes = bytes.indexOf(END) + END.length;
  if (headBytes < END.length || headBytes > Math.min(maxHeadBytes, MAX_HEAD_BYTES)) return undefined;
  // One byte a character: what is not ASCII fails the patterns.
  const text = bytes.toString("latin1", 0, headBytes - 2);
  const lineEnd = text.indexOf("\r\n");
  const urlEnd = lineEnd + 2 - VERSION.length;
  if (!text.startsWith(VERSION, urlEnd)) return undefined;
  const url = text.slice("POST ".length, urlEnd);
  const query = url.slice("/v1/events".length);
  if (query !== "" && !QUERY.test(query)) return undefined;
  return readHeaders(text, lineEnd + 2, url, headBytes);
}

function beginsAsPlain(bytes: Buffer): boolean {
  const next = bytes[START.length];
  if (next !== SPACE && next !== QUESTION_MARK) return false;
  return bytes.compare(START, 0, START.length, 0, START.length) === 0;
}

function readHeaders(text: string, start: number, url: string, headBytes: number): PlainHead | undefined {
  const headers: Record<string, string> = {};
  let lengthEnd = 0;
  for (let at = start; at < text.length;) {
    const lineEnd = text.indexOf("\r\n", at);
    const header = HEADER.exec(text.slice(at, lineEnd));
    if (header === null) return undefined;
    const name = (header[1] ?? "").toLowerCase();
    const value = header[2] ?? "";
    if (NOT_PLAIN.has(name) || Object.hasOwn(headers, name)) return undefined;
    if (name === "connection" && value.toLowerCase() !== "keep-alive") return undefined;
    if (name === "content-length") lengthEnd = lineEnd;
    headers[name] = value;
    at = lineEnd + 2;
  }
  const length = headers["content-length"];
  if (length === undefined || headers["host"] === undefined) return undefined;
  if (!/^[1-9]\d*$/.test(length) || length.length > MAX_LENGTH_DIGITS) return undefined;
  return {
    url,
    headers,
    bodyBytes: Number(length),
    headBytes,
    lengthStart: lengthEnd - length.length,
    lengthEnd,
  };
}

/**
 * The last head of a connection. The next one mostly differs in its Content-Length only, if at
 * all, and then need not be read again.
 */
export class HeadMemory {
  #bytes: Buffer = Buffer.alloc(0);
  #head: PlainHead | undefined;

  /** The head that the bytes begin with. What it returned before is not valid any more. */
  read(bytes: Buffer, maxHeadBytes: number): PlainHead | undefined {
    if (this.#head !== undefined && this.#isLike(this.#head, bytes)) return this.#head;
    const head = readPlainHead(bytes, maxHeadBytes);
    if (head === undefined) return undefined;
    // A copy: the bytes are part of a larger buffer.
    this.#bytes = Buffer.from(bytes.subarray(0, head.headBytes));
    this.#head = head;
    return head;
  }

  /** True when the bytes begin with the same head but for the digits of its length, which it is given then. */
  #isLike(head: PlainHead, bytes: Buffer): boolean {
    const { headBytes, lengthStart, lengthEnd } = head;
    if (bytes.length < headBytes) return false;
    if (bytes.compare(this.#bytes, 0, lengthStart, 0, lengthStart) !== 0) return false;
    if (bytes.compare(this.#bytes, lengthEnd, headBytes, lengthEnd, headBytes) !== 0) return false;
    let length = 0;
    for (let at = lengthStart; at < lengthEnd; at++) {
      const digit = (bytes[at] ?? 0) - ZERO;
      if (digit < 0 || digit > 9) return false;
      length = length * 10 + digit;
    }
    if (bytes[lengthStart] === ZERO) return false;
    if (length !== head.bodyBytes) {
      head.bodyBytes = length;
      head.headers["content-length"] = String(length);
    }
    return true;
  }
}
