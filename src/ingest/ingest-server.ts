import { AssertionError } from "node:assert/strict";
import type { Socket } from "node:net";
import { TLSSocket } from "node:tls";
import type { Logger } from "pino";
import type { RejectLog } from "../core/reject-log.ts";
import { AnswerBacklog } from "./answer-backlog.ts";
import type { ListenConfig } from "./config.ts";
import type { ConnectionsOptions } from "./connections-options.ts";
import { type EndpointParts, Endpoints } from "./endpoints.ts";
import { EventIntake, type IntakeParts } from "./event-intake.ts";
import { EventPort } from "./event-port.ts";
import type { Exchange, ExchangeContext } from "./exchange.ts";
import { Http1Connections } from "./http1/http1-connections.ts";
import { Http2Connections } from "./http2/http2-connections.ts";
import type { Problem } from "./problems.ts";
import { DRAINING } from "./protocol-problems.ts";
import { Quarantine } from "./quarantine.ts";
import { RefusalLog } from "./refusal-log.ts";
import type { CertificateHandover } from "./tls/first-certificate.ts";

export interface IngestServerOptions extends Omit<IntakeParts, "quarantine">, Omit<EndpointParts, "intake"> {
  readonly listen: ListenConfig;
  /** Share the port with other processes that do the same. */
  readonly reusePort: boolean;
  /** For the certificate, where TLS is on. */
  readonly handover?: CertificateHandover | undefined;
  readonly quarantine: RejectLog;
  /** Tells the ledger how many events of a source were set aside. */
  readonly onQuarantined: (source: string, events: number) => void;
  readonly log: Logger;
}

/**
 * Longest time for which open connections are served on after the port was closed. A client
 * that sends about as often gets an answer that ends its connection, in place of a connection
 * that ends while its request is on the way. At most half of what there is for closing.
 */
const LINGER_MS = 2_000;

/** Longest time for taking the connections that came before the port is closed. At most a quarter of what there is. */
const ACCEPTING_MS = 1_000;

/** For telling clients that there is no more time for their request. At most a quarter of what there is. */
const REFUSING_MS = 500;

/**
 * The event port, and what is served on it.
 *
 * States: serving; draining (each answer ends its connection); lingering (the port is closed,
 * open connections are served on); finishing (idle connections are closed, what is under way
 * is finished); refusing (what is not complete is answered 503); closed.
 */
export class IngestServer {
  readonly #options: IngestServerOptions;
  readonly #http1: Http1Connections;
  readonly #http2: Http2Connections;
  readonly #endpoints: Endpoints;
  readonly #context: ExchangeContext & { draining: boolean };
  #eventPort: EventPort | undefined;
  /** Requests under way, counted until their events are settled, which may be after the answer. */
  #active = 0;
  #closing = false;
  #refusing = false;
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
    const connections: ConnectionsOptions = {
      http,
      context: this.#context,
      clock,
      serve: (exchange, refusal) => this.#serve(exchange, refusal),
    };
    this.#http1 = new Http1Connections(connections);
    this.#http2 = new Http2Connections(connections);
  }

  /** Starts to listen. Throws `tls_invalid` and `port_unavailable`. */
  async listen(): Promise<void> {
    const { listen, reusePort, handover, http, metrics, clock, log } = this.#options;
    const take = (socket: Socket) => this.#take(socket);
    this.#eventPort = await EventPort.open({ listen, reusePort, handover, http, metrics, clock, log, take });
  }

  get port(): number {
    return this.#eventPort?.port ?? this.#options.listen.port;
  }

  /** Goes on serving, but closes each connection with its next answer, so that clients move elsewhere. */
  beginDrain(): void {
    this.#context.draining = true;
  }

  /**
   * Takes no more connections, closes each with its next answer, and resolves when what comes on
   * those that are open is finished, or after `deadlineMs` at the latest. Safe to call twice.
   *
   * In this order: a client whose connection is closed opens another one, and the kernel resets
   * those that come in the moment in which the port closes. So it closes while few do.
   */
  async close(deadlineMs: number): Promise<void> {
    const eventPort = this.#eventPort;
    if (eventPort === undefined) return this.#stop();
    const { clock } = this.#options;
    const lingerMs = Math.min(LINGER_MS, deadlineMs / 2);
    const refuseMs = deadlineMs - Math.min(REFUSING_MS, deadlineMs / 4);
    const timers = [
      // What has arrived is read first: it may be a request on a connection that was idle so far.
      clock.after(lingerMs, () => setImmediate(() => this.#endIdle(eventPort))),
      clock.after(refuseMs, () => this.#refuse()),
      clock.after(deadlineMs, () => {
        eventPort.destroy();
        this.#idle.resolve();
      }),
    ];
    await eventPort.stopListening(Math.min(ACCEPTING_MS, deadlineMs / 4));
    this.beginDrain();
    await eventPort.closed;
    this.#closing = true;
    if (this.#active === 0) this.#idle.resolve();
    await this.#idle.promise;
    for (const timer of timers) timer.cancel();
    this.#stop();
  }

  #stop(): void {
    this.#http1.stop();
    this.#http2.stop();
  }

  #endIdle(eventPort: EventPort): void {
    eventPort.endHandshakes();
    this.#http1.closeIdle();
    this.#http2.end();
  }

  /** What is complete may be stored already, and is answered when that is known. */
  #refuse(): void {
    this.#refusing = true;
    this.#http1.closeIdle();
    this.#http1.refuse(DRAINING);
    this.#http2.refuse(DRAINING);
  }

  #take(socket: Socket): void {
    if (socket instanceof TLSSocket && socket.alpnProtocol === "h2") this.#http2.take(socket);
    else this.#http1.take(socket);
  }

  #serve(exchange: Exchange, refusal?: Problem): void {
    const work = this.#endpoints.serve(exchange, this.#refusing ? DRAINING : refusal);
    if (work === undefined) return;
    this.#active++;
    work.then(
      () => this.#finished(),
      (error: unknown) => this.#failed(exchange, error),
    );
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
}
