import type { IncomingMessage, ServerResponse } from "node:http";
import { PIPELINE_BYTES } from "../answer-backlog.ts";
import type { Body } from "../body/body-result.ts";
import type { PendingBytes } from "../body/pending-bytes.ts";
import { readBody } from "../body/read-body.ts";
import { Exchange, type ExchangeContext, type UnreadBody } from "../exchange.ts";
import { discardRest } from "../linger.ts";
import type { Problem } from "../problems.ts";

/** A request and its answer over HTTP/1. */
export class Http1Exchange extends Exchange {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  #hasSuccessor = false;

  constructor(
    request: IncomingMessage,
    response: ServerResponse,
    startedMs: number,
    awaitsContinue: boolean,
    context: ExchangeContext,
  ) {
    super(startedMs, awaitsContinue, context);
    this.request = request;
    this.response = response;
  }

  takeBody(maxBytes: number, pending: PendingBytes): Promise<Body> {
    return readBody(this.request, maxBytes, pending);
  }

  get answered(): boolean {
    return this.response.headersSent;
  }

  /** True once the answer is given and ends the connection. */
  get isLast(): boolean {
    return this.answered && !this.response.shouldKeepAlive;
  }

  get complete(): boolean {
    if (this.request.complete) return true;
    const { headers } = this.request;
    return headers["content-length"] === undefined && headers["transfer-encoding"] === undefined;
  }

  protected sendContinue(): void {
    this.response.writeContinue();
  }

  /** Node gives a response its socket when its turn has come; what comes first waits for nobody. */
  get waits(): boolean {
    return this.response.socket === null;
  }

  /** Calls `then` when the answer is gone. Only the first time: the parser reports again for every chunk after a broken one. */
  onceAnswered(then: () => void): void {
    if (this.#hasSuccessor) return;
    this.#hasSuccessor = true;
    this.response.once("close", then);
  }

  hold(bytes: number): void {
    if (!this.waits) return;
    this.context.backlog.charge(this.request.socket, this.response, bytes, PIPELINE_BYTES);
  }

  protected send(status: number, headers: string[], body: string | Buffer | undefined, rest: UnreadBody): void {
    const { request, response } = this;
    if (this.context.draining || rest === "long") response.shouldKeepAlive = false;
    response.writeHead(status, headers);
    if (rest === "long" && !this.awaitsContinue) {
      // The answer goes out now, the connection ends once the client has had time to read it.
      if (body === undefined) response.flushHeaders();
      else response.write(body);
      discardRest(request, () => response.end());
      return;
    }
    response.end(body);
    if (rest !== "none") request.resume();
  }
}

/** What HTTP/1.1 forbids and node's parser lets through. */
export function malformed({ headers, rawHeaders, httpVersionMinor }: IncomingMessage): Problem | undefined {
  const hosts = countOf("host", rawHeaders);
  if (hosts > 1 || (hosts === 0 && httpVersionMinor > 0)) {
    return { code: "request_malformed", detail: "HTTP/1.1 requests must have one Host header (RFC 9112, 3.2)." };
  }
  if (headers.authorization !== undefined && countOf("authorization", rawHeaders) > 1) {
    return { code: "request_malformed", detail: "The request has several Authorization headers. Send one." };
  }
  const coding = headers["transfer-encoding"];
  if (coding === undefined) return undefined;
  if (httpVersionMinor === 0) {
    return { code: "request_malformed", detail: "HTTP/1.0 has no Transfer-Encoding (RFC 9112, 6.1). Use HTTP/1.1." };
  }
  if (coding.toLowerCase() === "chunked") return undefined;
  const detail = "The only Transfer-Encoding is chunked. To send a compressed body, use Content-Encoding.";
  return { code: "request_malformed", detail };
}

/** How often a header is there. Of some that must not be repeated node keeps the first and drops the others. */
function countOf(header: string, rawHeaders: readonly string[]): number {
  let count = 0;
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i] ?? "";
    if (name.length === header.length && name.toLowerCase() === header) count++;
  }
  return count;
}
