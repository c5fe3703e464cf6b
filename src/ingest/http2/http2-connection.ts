import {
  type IncomingHttpHeaders,
  performServerHandshake,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from "node:http2";
import type { TLSSocket } from "node:tls";
import type { ConnectionsOptions } from "../connections-options.ts";
import { headerBytes } from "../header-bytes.ts";
import type { Problem } from "../problems.ts";
import { CONNECT_REFUSED, EXPECTATION_FAILED, headersTooLarge, REQUEST_TIMEOUT } from "../protocol-problems.ts";
import { Http2Exchange } from "./http2-exchange.ts";
import { sessionOptions, STREAM_BYTES, WINDOW_BYTES } from "./limits.ts";

/** How long a connection that is over stays open for its client to close it, or to read why. */
const GOODBYE_MS = 1_000;

/** What node's HTTP/1 server takes for the expectation. */
const CONTINUE = /(?:^|\W)100-continue(?:$|\W)/i;

/**
 * One connection that speaks HTTP/2, and its streams.
 *
 * States: open; ending (the client was told by GOAWAY which streams are the last; they are
 * finished, then the connection closes); gone. It ends when it was idle for too long, when
 * its client floods it or breaks the protocol, and while draining with the first answer that
 * leaves no other due. So a client that sends one request after another never has one cut
 * off, and any other knows from GOAWAY what was not taken and sends it again elsewhere.
 */
export class Http2Connection {
  readonly #options: ConnectionsOptions;
  readonly #socket: TLSSocket;
  readonly #session: ServerHttp2Session;
  readonly #open = new Set<Http2Exchange>();
  /** When the last stream was there. Monotonic. */
  #activeMs: number;
  #hasServed = false;
  readonly #onAnswer = () => this.#answered();
  #endingMs: number | undefined;

  constructor(socket: TLSSocket, options: ConnectionsOptions) {
    this.#options = options;
    this.#socket = socket;
    this.#activeMs = options.clock.monotonicMs();
    this.#session = performServerHandshake(socket, sessionOptions(options.http));
    this.#session.setLocalWindowSize(WINDOW_BYTES);
    this.#session.on("error", (error: NodeJS.ErrnoException) => {
      // Node has told the client by GOAWAY what it broke. Other errors are those of the socket: it went away.
      if (error.code?.startsWith("ERR_HTTP2") === true) options.context.metrics.brokenHttp2Connections.inc();
    });
    this.#session.on("stream", (stream, headers, _flags, rawHeaders) => this.#serve(stream, headers, rawHeaders));
  }

  /** Tells the client that there will be no more, finishes what is under way, and closes. */
  end(): void {
    this.#session.close();
  }

  /** Answers the requests that have not come whole. */
  refuse(problem: Problem): void {
    for (const exchange of this.#open) if (!exchange.complete) exchange.problem(problem);
  }

  /** Ends what took too long: requests, answers that are not taken, and idle connections. */
  check(nowMs: number): void {
    if (this.#session.destroyed || (this.#session.closed && this.#open.size === 0)) {
      this.#endingMs ??= nowMs;
      if (nowMs - this.#endingMs >= GOODBYE_MS) this.#socket.destroy();
      return;
    }
    const { headersTimeoutMs, idleTimeoutMs } = this.#options.http;
    for (const exchange of this.#open) this.#checkExchange(exchange, nowMs);
    if (this.#open.size > 0) return;
    if (nowMs - this.#activeMs >= (this.#hasServed ? idleTimeoutMs : headersTimeoutMs)) this.end();
  }

  #checkExchange(exchange: Http2Exchange, nowMs: number): void {
    const { requestTimeoutMs, ackTimeoutMs } = this.#options.http;
    const ageMs = nowMs - exchange.startedMs;
    if (ageMs < requestTimeoutMs) return;
    if (!exchange.complete) exchange.problem(REQUEST_TIMEOUT);
    // Longer than it takes to arrive, to be acknowledged, and to be answered.
    if (ageMs >= 2 * requestTimeoutMs + ackTimeoutMs) this.#socket.destroy();
  }

  #serve(stream: ServerHttp2Stream, headers: IncomingHttpHeaders, rawHeaders: readonly string[]): void {
    // Reset before its turn came, or along with a connection that is closed over its backlog.
    if (stream.destroyed || stream.closed || this.#socket.destroyed) return;
    // A reset says nothing that its stream's end does not.
    stream.on("error", ignore);
    const { clock, context, http, serve } = this.#options;
    const exchange = new Http2Exchange(
      {
        stream,
        headers,
        socket: this.#socket,
        startedMs: clock.monotonicMs(),
        awaitsContinue: headers.expect !== undefined,
        onAnswer: this.#onAnswer,
      },
      context,
    );
    const isAlone = this.#open.size === 0;
    this.#hasServed = true;
    this.#open.add(exchange);
    stream.once("close", () => this.#closed(exchange));
    const headBytes = headerBytes(rawHeaders);
    // Clients need not heed what they are told of the limit.
    const isLarge = headBytes > http.maxHeaderBytes;
    if (!isAlone || isLarge) exchange.hold(STREAM_BYTES + headBytes);
    if (this.#socket.destroyed) return;
    serve(exchange, isLarge ? headersTooLarge(http.maxHeaderBytes) : unacceptable(headers));
  }

  #closed(exchange: Http2Exchange): void {
    this.#open.delete(exchange);
    this.#activeMs = this.#options.clock.monotonicMs();
  }

  #answered(): void {
    if (!this.#options.context.draining) return;
    for (const exchange of this.#open) if (!exchange.answered) return;
    this.end();
  }
}

function ignore(): void {}

/** What HTTP/2 allows, and we do not. */
function unacceptable(headers: IncomingHttpHeaders): Problem | undefined {
  if (headers[":method"] === "CONNECT") return CONNECT_REFUSED;
  const { expect } = headers;
  return expect === undefined || CONTINUE.test(expect) ? undefined : EXPECTATION_FAILED;
}
