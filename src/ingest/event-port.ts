import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { HttpConfig, ListenConfig } from "./config.ts";
import type { IngestMetrics } from "./metrics.ts";
import { connectionsWithin, openFilesLimit } from "./open-files.ts";
import { portUnavailable } from "./port-unavailable.ts";
import type { Certificate } from "./tls/certificate.ts";
import { CertificateRenewal } from "./tls/certificate-renewal.ts";
import { type CertificateHandover, firstCertificate } from "./tls/first-certificate.ts";
import { createTlsServer } from "./tls/tls-server.ts";

/** A turn of the event loop in which next to nothing happened: no connection can have waited longer than this. */
const QUIET_TURN_MS = 0.1;

/** Longest wait for such a turn; then one will do that brings no connection. */
const QUIET_WITHIN_MS = 100;

export interface EventPortOptions {
  readonly listen: ListenConfig;
  /** Share the port with other processes that do the same; the kernel divides connections among them. */
  readonly reusePort: boolean;
  readonly handover?: CertificateHandover | undefined;
  readonly http: HttpConfig;
  readonly metrics: IngestMetrics;
  readonly clock: Clock;
  readonly log: Logger;
  /** Takes a connection that is ready for its first request: a `TLSSocket` where TLS is on. */
  readonly take: (socket: Socket) => void;
}

/**
 * The socket that listens, and the connections it has accepted, whatever they speak. What is
 * closed here is closed for all: serving requests is up to who takes the connections.
 */
export class EventPort {
  readonly #options: EventPortOptions;
  readonly #server: Server;
  readonly #renewal: CertificateRenewal | undefined;
  /** Below TLS, where there is TLS. */
  readonly #accepted = new Set<Socket>();
  /** Accepted and in the middle of the TLS handshake, by where they come from. */
  readonly #handshaking = new Map<string, Socket>();
  /** How many connections were ever accepted. */
  #count = 0;
  #stopping: Promise<void> | undefined;
  readonly #closed = Promise.withResolvers<void>();

  private constructor(options: EventPortOptions, server: Server, renewal?: CertificateRenewal) {
    const { metrics } = options;
    this.#options = options;
    this.#server = server;
    this.#renewal = renewal;
    server.maxConnections = maxConnections(options);
    server.on("drop", () => metrics.droppedConnections.inc());
    server.on("connection", (socket: Socket) => this.#connected(socket));
    if (renewal === undefined) server.on("connection", options.take);
    else server.on("secureConnection", (socket: Socket) => this.#secured(socket));
  }

  /** Starts to listen. Throws `tls_invalid` and `port_unavailable`. */
  static async open(options: EventPortOptions): Promise<EventPort> {
    const { handover, http, metrics, clock, log } = options;
    const config = options.listen.tls;
    if (config === undefined) {
      const server = createServer({ noDelay: true });
      await listen(server, options);
      return new EventPort(options, server);
    }
    const first = await firstCertificate(config, handover, log);
    const server = createTlsServer(first.certificate, config, http, metrics);
    await listen(server, options);
    const onRenewed = (certificate: Certificate) => handover?.keep(certificate);
    const renewal = new CertificateRenewal({ server, config, first, onRenewed, metrics, clock, log });
    return new EventPort(options, server, renewal);
  }

  get port(): number {
    const address = this.#server.address();
    return typeof address === "object" && address !== null ? address.port : this.#options.listen.port;
  }

  /** Resolves when it has stopped listening and every connection has ended. */
  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /**
   * Stops listening, within a time, and leaves connections as they are. Safe to call twice.
   *
   * The kernel completes connections by itself and resets those that nobody has accepted when
   * the port closes, whose clients may have sent their request already. So it closes right
   * after a short turn of the event loop that found none. What comes in the microseconds
   * between is reset all the same; from a load balancer that heeds /readyz nothing does.
   */
  stopListening(withinMs: number): Promise<void> {
    this.#stopping ??= this.#stop(withinMs);
    return this.#stopping;
  }

  /** Ends the connections that have not finished their TLS handshake. */
  endHandshakes(): void {
    for (const socket of this.#handshaking.values()) socket.destroy();
  }

  /** Ends all connections at once. */
  destroy(): void {
    for (const socket of this.#accepted) socket.destroy();
  }

  async #stop(withinMs: number): Promise<void> {
    this.#renewal?.stop();
    // To the end of this turn, which may have looked for connections before they came.
    await nextTurn();
    await this.#untilQuiet(withinMs);
    this.#server.close(() => this.#closed.resolve());
  }

  /** Waits for a turn in which no connection came. A turn brings one at most, however many there are. */
  async #untilQuiet(withinMs: number): Promise<void> {
    const { clock } = this.#options;
    const beganMs = clock.monotonicMs();
    for (let turnMs = beganMs; turnMs - beganMs < withinMs;) {
      const before = this.#count;
      await nextTurn();
      const nowMs = clock.monotonicMs();
      const isShort = nowMs - turnMs < QUIET_TURN_MS || nowMs - beganMs > QUIET_WITHIN_MS;
      if (this.#count === before && isShort) return;
      turnMs = nowMs;
    }
  }

  #connected(socket: Socket): void {
    const { metrics } = this.#options;
    const from = this.#renewal === undefined ? undefined : comesFrom(socket);
    this.#count++;
    this.#accepted.add(socket);
    metrics.connections.inc();
    if (from !== undefined) this.#handshaking.set(from, socket);
    socket.once("close", () => {
      this.#accepted.delete(socket);
      metrics.connections.dec();
      if (from !== undefined && this.#handshaking.get(from) === socket) this.#handshaking.delete(from);
    });
  }

  #secured(socket: Socket): void {
    this.#handshaking.delete(comesFrom(socket));
    this.#options.take(socket);
  }
}

async function listen(server: Server, { listen: { host, port, backlog }, reusePort }: EventPortOptions): Promise<void> {
  server.listen({ host, port, backlog, reusePort });
  try {
    await once(server, "listening");
  } catch (error) {
    throw portUnavailable({ host, port }, error);
  }
}

/** A connection without a descriptor left for the journal would cost more than a connection less. */
function maxConnections({ http, log }: EventPortOptions): number {
  const openFiles = openFilesLimit();
  const most = connectionsWithin(openFiles, http.maxConnections);
  if (most < http.maxConnections) {
    log.warn(
      { maxConnections: most, configured: http.maxConnections, openFiles },
      "the limit of open files allows fewer connections than http.maxConnections: raise it (ulimit -n, LimitNOFILE), or lower the setting",
    );
  }
  return most;
}

/** The same above and below TLS, and at one time of one connection only. */
function comesFrom({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
