import type { EventEmitter } from "node:events";
import type { Socket } from "node:net";
import type { IngestMetrics } from "./metrics.ts";

/** About what a request and its answer to be take in memory, without the bytes of its header and of the answer. */
export const EXCHANGE_BYTES = 4 * 1024;

/** What node's parser takes for: an upgrade, no more HTTP to come. */
const SKIP_REST = 2;

/** At most 256 requests of a connection wait behind another, 50 with the largest headers; clients that pipeline send some tens. */
export const PIPELINE_BYTES = 256 * EXCHANGE_BYTES;

/** Some 13,000 streams of HTTP/2 beyond the first of each connection, with empty answers. */
const MAX_BYTES = 128 * 1024 ** 2;

/**
 * What requests hold in memory until their answers are taken: those that a client has
 * pipelined, and those that share an HTTP/2 connection.
 *
 * Node stops reading from a client that takes no answers, but only after what it has
 * read: 64 KiB can hold a thousand requests, each with an answer far longer than itself.
 * Over HTTP/2 the client says how much of its answers may be sent, and may say nothing.
 * A connection that brings more than its limit is closed, and past the limit of all
 * connections the one that holds most; what was sent over it may be sent again, as after
 * any lost answer. A request alone on an HTTP/1 connection costs nothing here.
 */
export class AnswerBacklog {
  readonly #metrics: Pick<IngestMetrics, "overrunConnections">;
  readonly #bytesOf = new Map<Socket, number>();
  #bytes = 0;

  constructor(metrics: Pick<IngestMetrics, "overrunConnections">) {
    this.#metrics = metrics;
  }

  /**
   * Counts `bytes` until the answer closes, and closes connections past a limit.
   *
   * @param maxBytes what this connection may hold
   */
  charge(socket: Socket, answer: EventEmitter, bytes: number, maxBytes: number): void {
    if (socket.destroyed) return;
    if (!this.#bytesOf.has(socket)) socket.once("close", () => this.#forget(socket));
    this.#add(socket, bytes);
    answer.once("close", () => this.#add(socket, -bytes));
    if ((this.#bytesOf.get(socket) ?? 0) > maxBytes) this.#close(socket);
    else if (this.#bytes > MAX_BYTES) this.#close(this.#heaviest() ?? socket);
  }

  #add(socket: Socket, bytes: number): void {
    // Node tells nothing of the answers that still waited for a connection that is gone.
    const held = this.#bytesOf.get(socket);
    if (held === undefined && socket.destroyed) return;
    this.#bytesOf.set(socket, (held ?? 0) + bytes);
    this.#bytes += bytes;
  }

  #close(socket: Socket): void {
    this.#metrics.overrunConnections.inc();
    stopParsing(socket);
    // At once, since the bytes are let go of in a later turn: else one connection too much closes several.
    this.#forget(socket);
    socket.destroy();
  }

  #heaviest(): Socket | undefined {
    let heaviest: Socket | undefined;
    let most = 0;
    for (const [socket, bytes] of this.#bytesOf) {
      if (bytes <= most) continue;
      most = bytes;
      heaviest = socket;
    }
    return heaviest;
  }

  #forget(socket: Socket): void {
    this.#bytes -= this.#bytesOf.get(socket) ?? 0;
    this.#bytesOf.delete(socket);
  }
}

/**
 * Has node's parser leave the rest of the bytes that were read. Else all of them become requests
 * still, which are kept until the event loop has closed the socket, of all connections that were
 * read from in the same turn. Node has no public way to say so; without this one there is only
 * more memory used.
 */
function stopParsing(socket: Socket): void {
  const parser: unknown = Reflect.get(socket, "parser");
  if (typeof parser === "object" && parser !== null && "onIncoming" in parser) parser.onIncoming = () => SKIP_REST;
}
