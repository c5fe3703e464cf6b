/** One final answer of a server. */
export interface Answer {
  readonly status: number;
  readonly body: string;
  /** Whether the connection may be used again. */
  readonly keepAlive: boolean;
}

/** Answers to events are some hundred bytes, with a result for each of thousands of events a megabyte. */
const MAX_ANSWER_BYTES = 16 * 1024 ** 2;

const EMPTY = Buffer.alloc(0);
const HEAD_END = "\r\n\r\n";

type BodyEnd =
  | { readonly kind: "length"; readonly bytes: number }
  | { readonly kind: "chunked" }
  | { readonly kind: "close" };

interface Head {
  readonly status: number;
  readonly keepAlive: boolean;
  readonly bodyEnd: BodyEnd;
}

/**
 * Reads HTTP/1.1 answers off a connection on which one request at a time is under way. A
 * client of node's or undici's costs about as much CPU a request as the collector that is
 * measured; this one reads what a load generator needs and nothing more.
 */
export class AnswerReader {
  #bytes: Buffer = EMPTY;
  #head: Head | undefined;

  /** Takes what arrived; returns the answer once it is whole. Throws on bytes that are no answer. */
  push(chunk: Buffer): Answer | undefined {
    this.#bytes = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (this.#bytes.length > MAX_ANSWER_BYTES) throw new Error("an answer is too large");
    while (this.#head === undefined) {
      const end = this.#bytes.indexOf(HEAD_END);
      if (end < 0) return undefined;
      const head = readHead(this.#bytes.toString("latin1", 0, end));
      this.#bytes = this.#bytes.subarray(end + HEAD_END.length);
      // 100 Continue and its like come before the answer.
      if (head.status >= 200) this.#head = head;
    }
    const body = this.#wholeBody(this.#head.bodyEnd);
    return body === undefined ? undefined : this.#take(this.#head, body);
  }

  /** The connection has ended: that ends an answer of unknown length. */
  end(): Answer | undefined {
    return this.#head?.bodyEnd.kind === "close" ? this.#take(this.#head, this.#bytes) : undefined;
  }

  #take({ status, keepAlive }: Head, body: Buffer): Answer {
    this.#head = undefined;
    this.#bytes = EMPTY;
    return { status, keepAlive, body: body.length === 0 ? "" : body.toString() };
  }

  #wholeBody(end: BodyEnd): Buffer | undefined {
    switch (end.kind) {
      case "length":
        return this.#bytes.length >= end.bytes ? this.#bytes.subarray(0, end.bytes) : undefined;
      case "chunked":
        return wholeChunks(this.#bytes);
      case "close":
        return undefined;
    }
  }
}

function readHead(text: string): Head {
  const [, minor, code] = /^HTTP\/1\.([01]) (\d{3})/.exec(text) ?? [];
  if (code === undefined) throw new Error("this is no HTTP/1.1 answer");
  const status = Number(code);
  const closes = /^connection:[^\r]*\bclose\b/im.test(text);
  return { status, keepAlive: minor === "1" && !closes, bodyEnd: bodyEndOf(status, text) };
}

function bodyEndOf(status: number, text: string): BodyEnd {
  if (status < 200 || status === 204 || status === 304) return { kind: "length", bytes: 0 };
  if (/^transfer-encoding:[^\r]*\bchunked\b/im.test(text)) return { kind: "chunked" };
  const length = /^content-length: *(\d+)/im.exec(text)?.[1];
  return length === undefined ? { kind: "close" } : { kind: "length", bytes: Number(length) };
}

/** What the chunks hold, once the last one is there; trailers are not looked at. */
function wholeChunks(bytes: Buffer): Buffer | undefined {
  const parts: Buffer[] = [];
  for (let at = 0; ;) {
    const lineEnd = bytes.indexOf("\r\n", at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(bytes.toString("latin1", at, lineEnd), 16);
    if (Number.isNaN(size)) throw new Error("a chunk of an answer has no size");
    if (size === 0) {
      const last = bytes.subarray(lineEnd);
      return last.includes(HEAD_END) ? Buffer.concat(parts) : undefined;
    }
    const start = lineEnd + 2;
    if (bytes.length < start + size + 2) return undefined;
    parts.push(bytes.subarray(start, start + size));
    at = start + size + 2;
  }
}
