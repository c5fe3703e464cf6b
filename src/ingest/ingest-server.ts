import { AssertionError } from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { Socket } from "node:net";
import type { Duplex } from "node:stream";
import type { Logger } from "pino";
import { MillraceError } from "../core/errors.ts";
import type { RejectLog } from "../core/reject-log.ts";
import { AnswerBacklog, EXCHANGE_BYTES } from "./answer-backlog.ts";
import { answerOnSocket, clientProblem } from "./client-errors.ts";
import type { ListenConfig } from "./config.ts";
import { type EndpointParts, Endpoints } from "./endpoints.ts";
import { EventIntake, type IntakeParts } from "./event-intake.ts";
import { Exchange, type ExchangeContext } from "./exchange.ts";
import { connectionsWithin, openFilesLimit } from "./open-files.ts";
import type { Problem } from "./problems.ts";
import { Quarantine } from "./quarantine.ts";
import { RefusalLog } from "./refusal-log.ts";
import { methodsOf } from "./router.ts";

export interface IngestServerOptions extends Omit<IntakeParts, "quarantine">, Omit<EndpointParts, "intake"> {
  readonly listen: ListenConfig;
  readonly quarantine: RejectLog;
  /** Tells the ledger how many events of a source were set aside. */
  readonly onQuarantined: (source: string, events: number) => void;
  readonly log: Logger;
}

/** How often overdue requests are looked for; a timeout is late by at most this. */
const TIMEOUT_CHECK_MS = 1_000;

/**
 * The event port.
 *
 * It owns connections: their number, their timeouts, and their orderly end. What a
 * request means is up to `Endpoints`.
 *
 * States: serving; draining (answers close their connection); closing (no new
 * connections, new requests are refused); closed.
 */
export class IngestServer {
  readonly #options: IngestServerOptions;
  readonly #server: Server;
  readonly #endpoints: Endpoints;
  readonly #context: ExchangeContext & { draining: boolean };
  /** Each connection with its latest exchange. */
  readonly #connections = new Map<Socket, Exchange | undefined>();
  /** Requests under way, counted until their events are settled, which may be after the answer. */
  #active = 0;
  #closing = false;
  readonly #idle = Promise.withResolvers<void>();

  constructor(options: IngestServerOptions) {
    const { http, metrics, quarantine, onQuarantined, log, clock } = options;
    this.#options = options;
    this.#context = {
      metrics,
      backlog: new AnswerBacklog(metrics),
      log,
      refusals: new RefusalLog(log, clock),
      draining: false,
    };
    const intake = new EventIntake({
      ...options,
      quarantine: new Quarantine({ log: quarantine, metrics, onQuarantined }),
    });
    this.#endpoints = new Endpoints({ ...options, intake });
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
    this.#server.maxConnections = this.#maxConnections();
    // A client may end its half of the connection after its request, as nc does, and still be answered.
    Object.assign(this.#server, { httpAllowHalfOpen: true });
    this.#server.on("request", (request, response) => this.#serve(request, response, false));
    this.#server.on("checkContinue", (request, response) => this.#serve(request, response, true));
    this.#server.on("checkExpectation", (request, response) => this.#refuseExpectation(request, response));
    this.#server.on("connect", (_request, socket) => {
      // Node has let go of the socket, so a reset would be nobody's.
      socket.on("error", () => socket.destroy());
      answerOnSocket(socket, connectRefused());
    });
    this.#server.on("clientError", (error, socket) => this.#clientError(error, socket));
    this.#server.on("connection", (socket) => this.#connected(socket));
    this.#server.on("drop", () => metrics.droppedConnections.inc());
  }

  /** Starts to listen. Throws `port_unavailable`. */
  async listen(): Promise<void> {
    const { host, port, backlog } = this.#options.listen;
    this.#server.listen({ host, port, backlog });
    try {
      await once(this.#server, "listening");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      throw new MillraceError(
        "port_unavailable",
        `The event port ${host}:${port} cannot be opened (${reason}). Stop what uses it, or set listen.host and listen.port to an address of this machine and a free port.`,
        { cause: error },
      );
    }
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.listen.port;
  }

  /** Goes on serving, but closes each connection with its next answer, so that clients move elsewhere. */
  beginDrain(): void {
    this.#context.draining = true;
  }

  /**
   * Takes no more connections or requests, and resolves when those under way are
   * finished, or after `deadlineMs` at the latest. Safe to call twice.
   */
  async close(deadlineMs: number): Promise<void> {
    this.beginDrain();
    this.#closing = true;
    const { clock } = this.#options;
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    if (this.#active === 0) this.#idle.resolve();
    // A connection that has sent nothing counts as busy for node.
    for (const socket of this.#connections.keys()) if (socket.bytesRead === 0) socket.destroy();
    const timer = clock.after(deadlineMs, () => {
      this.#server.closeAllConnections();
      this.#idle.resolve();
    });
    await closed;
    await this.#idle.promise;
    timer.cancel();
  }

  /** A connection without a descriptor left for the journal would cost more than a connection less. */
  #maxConnections(): number {
    const { http, log } = this.#options;
    const openFiles = openFilesLimit();
    const maxConnections = connectionsWithin(openFiles, http.maxConnections);
    if (maxConnections < http.maxConnections) {
      log.warn(
        { maxConnections, configured: http.maxConnections, openFiles },
        "the limit of open files allows fewer connections than http.maxConnections: raise it (ulimit -n, LimitNOFILE), or lower the setting",
      );
    }
    return maxConnections;
  }

  #connected(socket: Socket): void {
    const { metrics } = this.#options;
    this.#connections.set(socket, undefined);
    metrics.connections.inc();
    socket.once("close", () => {
      this.#connections.delete(socket);
      metrics.connections.dec();
    });
  }

  #serve(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): void {
    // Closed over its backlog: what follows in the bytes that were read is not looked at.
    if (request.socket.destroyed) return;
    const exchange = this.#open(request, response, awaitsContinue);
    if (request.socket.destroyed) return;
    const work = this.#endpoints.serve(exchange, this.#closing ? drainingProblem() : undefined);
    if (work === undefined) return;
    this.#active++;
    work.then(
      () => this.#finished(),
      (error: unknown) => this.#failed(exchange, error),
    );
  }

  #open(request: IncomingMessage, response: ServerResponse, awaitsContinue: boolean): Exchange {
    const exchange = new Exchange(request, response, this.#options.clock.monotonicMs(), awaitsContinue, this.#context);
    this.#connections.set(request.socket, exchange);
    this.#context.backlog.charge(request.socket, response, EXCHANGE_BYTES);
    return exchange;
  }

  #finished(): void {
    this.#active--;
    if (this.#closing && this.#active === 0) this.#idle.resolve();
  }

  /** A bug. What is asserted is beyond repair; anything else costs its own request only. */
  #failed(exchange: Exchange, error: unknown): void {
    this.#finished();
    this.#options.log.error(
      { err: error, route: exchange.route },
      "a request could not be served: this is a bug in Millrace",
    );
    exchange.problem({
      code: "internal_error",
      detail:
        "This is a bug in Millrace, and its log says more. The events may or may not be stored: send them again with the same ids.",
    });
    if (error instanceof AssertionError) throw error;
  }

  #refuseExpectation(request: IncomingMessage, response: ServerResponse): void {
    // The client may hold its body back, as with 100-continue.
    void this.#endpoints.serve(this.#open(request, response, true), {
      code: "expectation_failed",
      detail: "The only expectation that can be met is `Expect: 100-continue`. Leave the Expect header out.",
    });
  }

  #clientError(error: NodeJS.ErrnoException, socket: Duplex): void {
    if (!(socket instanceof Socket)) return;
    const exchange = this.#connections.get(socket);
    // A browser's spare connection, or a port check. An answer to no question would be taken for one to the next.
    const silent = exchange === undefined && socket.bytesRead === 0;
    if (silent || error.code === "ECONNRESET" || !socket.writable) {
      socket.destroy();
      return;
    }
    const problem = clientProblem(error, this.#options.http.maxHeaderBytes);
    const answer = () => {
      if (socket.writable && !socket.writableEnded) this.#options.metrics.refused(problem.code);
      answerOnSocket(socket, problem);
    };
    if (exchange === undefined || exchange.response.writableFinished) answer();
    // The broken bytes follow a good request: its answer, which may be a promise about its events, goes first.
    else if (exchange.request.complete) exchange.response.once("close", answer);
    // It broke within the body of a request: the answer keeps its place behind those before it. One that is
    // given already is on its way, and its connection ends after it.
    else if (!exchange.answered) {
      exchange.response.shouldKeepAlive = false;
      exchange.problem(problem);
    }
  }
}

function drainingProblem(): Problem {
  return {
    code: "draining",
    detail:
      "This collector is shutting down and has not taken the request. Send it again: on a new connection another one will answer.",
    retryAfterSeconds: 1,
  };
}

function connectRefused(): Problem {
  return {
    code: "method_not_allowed",
    detail: "This is not a proxy: CONNECT is not allowed.",
    headers: ["Allow", methodsOf("events").join(", ")],
  };
}
