import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import { EXCHANGE_BYTES } from "../answer-backlog.ts";
import { type ConnectionsOptions, TIMEOUT_CHECK_MS } from "../connections-options.ts";
import { headerBytes } from "../header-bytes.ts";
import type { Problem } from "../problems.ts";
import { CONNECT_REFUSED, EXPECTATION_FAILED } from "../protocol-problems.ts";
import { PlainConnections } from "../plain/plain-connections.ts";
import { answerOnSocket, clientProblem } from "./client-errors.ts";
import { Http1Exchange, malformed } from "./http1-exchange.ts";

/** The connections that speak HTTP/1, with TLS or without: their requests, timeouts and ends. */
export class Http1Connections {
  readonly #options: ConnectionsOptions;
  readonly #server: Server;
  /** Each connection of node's server with its latest exchange. */
  readonly #latest = new Map<Socket, Http1Exchange | undefined>();
  readonly #plain: PlainConnections | undefined;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const { http } = options;
    this.#server = createServer({
      maxHeaderSize: http.maxHeaderBytes,
      headersTimeout: http.headersTimeoutMs,
      requestTimeout: http.requestTimeoutMs,
      keepAliveTimeout: http.idleTimeoutMs,
      connectionsCheckingInterval: Math.min(TIMEOUT_CHECK_MS, http.headersTimeoutMs),
      // Checked by us: node's own answer has no body.
      requireHostHeader: false,
    });
    // Ends connections whose client takes no answer. Longer than anything that we make a client wait for.
    this.#server.timeout = http.requestTimeoutMs + http.ackTimeoutMs;
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.on("request", (request, response) => this.#serve(request, response, false));
    this.#server.on("checkContinue", (request, response) => this.#serve(request, response, true));
    this.#server.on("checkExpectation", (request, response) => {
      // The client may hold its body back, as with 100-continue.
      this.#serve(request, response, true, EXPECTATION_FAILED);
    });
    this.#server.on("connect", (_request, socket) => {
      // Node has let go of the socket, so a reset would be nobody's.
      socket.on("error", () => socket.destroy());
      answerOnSocket(socket, CONNECT_REFUSED);
    });
    this.#server.on("clientError", (error, socket) => this.#clientError(error, socket));
    // It never listens itself, and checks its timeouts from this event on.
    this.#server.emit("listening");
    if (!http.plainRequests) return;
    this.#plain = new PlainConnections({
      ...options,
      keepAlive: `timeout=${Math.floor(http.idleTimeoutMs / 1_000)}`,
      handOver: (socket, bytes) => this.#adopt(socket, bytes),
    });
  }

  /** Serves what comes over a connection, until it ends. */
  take(socket: Socket): void {
    // A client may end its half of the connection after its request, as nc does, and still be answered.
    socket.allowHalfOpen = true;
    if (this.#plain === undefined) this.#adopt(socket);
    else this.#plain.take(socket);
  }

  #adopt(socket: Socket, bytes?: Buffer): void {
    this.#latest.set(socket, undefined);
    socket.once("close", () => this.#latest.delete(socket));
    this.#server.emit("connection", socket);
    if (bytes !== undefined) socket.unshift(bytes);
    if (socket.isPaused()) socket.resume();
  }

  /** Ends the connections on which no request is under way. */
  closeIdle(): void {
    this.#plain?.closeIdle();
    this.#server.closeIdleConnections();
    // A connection that has sent nothing counts as busy for node.
    for (const socket of this.#latest.keys()) if (socket.bytesRead === 0) socket.destroy();
  }

  /** Answers the requests that have not come whole. Call it after `closeIdle`, which leaves the plain ones among them to node. */
  refuse(problem: Problem): void {
    for (const [socket, exchange] of this.#latest) {
      const complete = exchange !== undefined && exchange.complete && !exchange.response.writableFinished;
      if (!complete) this.#interrupt(socket, exchange, problem);
    }
  }

  /** Stops looking for overdue requests, once there are no connections left. */
  stop(): void {
    this.#plain?.stop();
    this.#server.close();
  }

  #serve(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean, refusal?: Problem): void {
    // Closed over its backlog: what follows in the bytes that were read is not looked at.
    if (request.socket.destroyed) return;
    // What comes behind the last answer of a connection is no request (RFC 9112, 9.6): it may be smuggled.
    if (this.#latest.get(request.socket)?.isLast === true) return;
    const { clock, context, serve } = this.#options;
    const exchange = new Http1Exchange(request, response, clock.monotonicMs(), awaitsContinue, context);
    this.#latest.set(request.socket, exchange);
    // Counted for those that wait only, which most never do.
    if (exchange.waits) exchange.hold(EXCHANGE_BYTES + headBytes(request));
    if (request.socket.destroyed) return;
    serve(exchange, refusal ?? malformed(request));
  }

  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (!(socket instanceof Socket)) return;
    const exchange = this.#latest.get(socket);
    // A browser's spare connection, or a port check. An answer to no question would be taken for one to the next.
    const silent = exchange === undefined && socket.bytesRead === 0;
    if (silent || error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    this.#interrupt(socket, exchange, clientProblem(error, this.#options.http.maxHeaderBytes));
  }

  /** Tells the client what is wrong with what is coming in, behind the answers that are due to it. */
  #interrupt(socket: Socket, exchange: Http1Exchange | undefined, problem: Problem): void {
    const answer = () => {
      if (socket.writable && !socket.writableEnded) this.#options.context.metrics.refused(problem.code);
      answerOnSocket(socket, problem);
    };
    if (exchange === undefined || exchange.response.writableFinished) answer();
    // The broken bytes follow a good request: its answer, which may be a promise about its events, goes first.
    else if (exchange.request.complete) exchange.onceAnswered(answer);
    // It broke within the body of a request: the answer keeps its place behind those before it. One that is
    // given already is on its way, and its connection ends after it.
    else if (!exchange.answered) {
      exchange.response.shouldKeepAlive = false;
      exchange.problem(problem);
      // Whoever reads the body waits for its end, and node does not tell of one once there is an answer.
      exchange.response.once("close", () => exchange.request.destroy());
    }
  }
}

function headBytes({ url, rawHeaders }: IncomingMessage): number {
  return (url?.length ?? 0) + headerBytes(rawHeaders);
}
