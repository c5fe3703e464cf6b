import type { TLSSocket } from "node:tls";
import { type ConnectionsOptions, TIMEOUT_CHECK_MS } from "../connections-options.ts";
import type { Problem } from "../problems.ts";
import { Http2Connection } from "./http2-connection.ts";

/** The connections that speak HTTP/2. */
export class Http2Connections {
  readonly #options: ConnectionsOptions;
  readonly #open = new Set<Http2Connection>();
  readonly #checks: NodeJS.Timeout;

  constructor(options: ConnectionsOptions) {
    this.#options = options;
    const everyMs = Math.min(TIMEOUT_CHECK_MS, options.http.headersTimeoutMs);
    this.#checks = setInterval(() => this.#check(), everyMs).unref();
  }

  /** Serves what comes over a connection, until it ends. */
  take(socket: TLSSocket): void {
    const connection = new Http2Connection(socket, this.#options);
    this.#open.add(connection);
    socket.once("close", () => this.#open.delete(connection));
  }

  /** Ends connections once what is under way on them is finished. */
  end(): void {
    for (const connection of this.#open) connection.end();
  }

  /** Answers the requests that have not come whole. */
  refuse(problem: Problem): void {
    for (const connection of this.#open) connection.refuse(problem);
  }

  /** Stops looking for overdue requests, once there are no connections left. */
  stop(): void {
    clearInterval(this.#checks);
  }

  #check(): void {
    const nowMs = this.#options.clock.monotonicMs();
    for (const connection of this.#open) connection.check(nowMs);
  }
}
