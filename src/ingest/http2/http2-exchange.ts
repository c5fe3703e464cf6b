import { constants, type IncomingHttpHeaders, type ServerHttp2Stream } from "node:http2";
import type { TLSSocket } from "node:tls";
import type { Body } from "../body/body-result.ts";
import type { PendingBytes } from "../body/pending-bytes.ts";
import { readBody } from "../body/read-body.ts";
import { Exchange, type ExchangeContext, type RequestHead, type UnreadBody } from "../exchange.ts";
import { discardRest } from "../linger.ts";

interface Http2Request {
  readonly stream: ServerHttp2Stream;
  readonly headers: IncomingHttpHeaders;
  readonly socket: TLSSocket;
  /** Monotonic. */
  readonly startedMs: number;
  readonly awaitsContinue: boolean;
  /** Called when the answer is given. */
  readonly onAnswer: () => void;
}

/** A request and its answer over a stream of HTTP/2. */
export class Http2Exchange extends Exchange {
  readonly request: RequestHead;
  readonly #stream: ServerHttp2Stream;
  readonly #socket: TLSSocket;
  readonly #onAnswer: () => void;
  #answered = false;

  constructor(request: Http2Request, context: ExchangeContext) {
    super(request.startedMs, request.awaitsContinue, context);
    const { headers, socket } = request;
    this.request = { method: headers[":method"], url: headers[":path"], headers, socket };
    this.#stream = request.stream;
    this.#socket = socket;
    this.#onAnswer = request.onAnswer;
  }

  get answered(): boolean {
    return this.#answered;
  }

  get complete(): boolean {
    return this.#stream.endAfterHeaders || this.#stream.readableEnded;
  }

  takeBody(maxBytes: number, pending: PendingBytes): Promise<Body> {
    return readBody(this.#stream, maxBytes, pending);
  }

  #dropRest(): void {
    // Waits for the answer to go out.
    const reset = () => this.#stream.close(constants.NGHTTP2_NO_ERROR);
    if (this.awaitsContinue) reset();
    else discardRest(this.#stream, reset);
  }

  /** Reset by the client, or gone with the connection. */
  get #isGone(): boolean {
    return this.#stream.destroyed || this.#stream.closed;
  }

  protected sendContinue(): void {
    if (!this.#isGone) this.#stream.additionalHeaders({ ":status": 100 });
  }

  hold(bytes: number): void {
    // No limit to a connection: its client may well have a hundred answers on their way and take them all.
    this.context.backlog.charge(this.#socket, this.#stream, bytes, Number.POSITIVE_INFINITY);
  }

  protected send(status: number, headers: string[], body: string | Buffer | undefined, rest: UnreadBody): void {
    this.#answered = true;
    if (this.#isGone) return;
    const stream = this.#stream;
    const bodiless = body === undefined || this.request.method === "HEAD";
    stream.respond(headerFields(status, headers), { endStream: bodiless });
    if (!bodiless) stream.end(body);
    if (rest !== "none") this.#dropRest();
    this.#onAnswer();
  }
}

function headerFields(status: number, headers: readonly string[]): Record<string, string | number> {
  const fields: Record<string, string | number> = { ":status": status };
  for (let i = 0; i + 1 < headers.length; i += 2) fields[(headers[i] ?? "").toLowerCase()] = headers[i + 1] ?? "";
  return fields;
}
