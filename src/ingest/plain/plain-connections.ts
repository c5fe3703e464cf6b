import type { Socket } from "node:net";
import type { Timer } from "../../core/clock.ts";
import { PendingBytes } from "../body/pending-bytes.ts";
import { TIMEOUT_CHECK_MS } from "../connections-options.ts";
import { PlainConnection, type PlainContext } from "./plain-connection.ts";

/** Of requests whose rest is still to come, on all connections. What comes beyond is node's, and counts as its bodies do. */
const MAX_PARTIAL_BYTES = 16 * 1024 ** 2;

/** The connections that have brought nothing but plain requests so far. */
export class PlainConnections {
  readonly #context: PlainContext;
  readonly #open = new Set<PlainConnection>();
  #timer: Timer | undefined;
  #isStopped = false;

  constructor(context: Omit<PlainContext, "partial">) {
    this.#context = { ...context, partial: new PendingBytes(MAX_PARTIAL_BYTES) };
    this.#setTimer();
  }

  take(socket: Socket): void {
    this.#open.add(new PlainConnection(socket, this.#context, (connection) => this.#open.delete(connection)));
  }

  /** Ends the connections on which no request is under way, and leaves those to node whose request has not come whole. */
  closeIdle(): void {
    for (const connection of this.#open) connection.close();
  }

  /** Stops looking for overdue requests, once there are no connections left. */
  stop(): void {
    this.#isStopped = true;
    this.#timer?.cancel();
  }

  #setTimer(): void {
    const { clock, http } = this.#context;
    this.#timer = clock.after(Math.min(TIMEOUT_CHECK_MS, http.headersTimeoutMs), () => {
      const nowMs = clock.monotonicMs();
      for (const connection of this.#open) connection.check(nowMs);
      if (!this.#isStopped) this.#setTimer();
    });
  }
}
