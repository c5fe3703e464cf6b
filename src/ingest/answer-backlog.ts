import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { IngestMetrics } from "./metrics.ts";

/** About what a request and its answer to be take in memory, without the answer's bytes. */
export const EXCHANGE_BYTES = 4 * 1024;

/** What node's parser takes for: an upgrade, no more HTTP to come. */
const SKIP_REST = 2;

/** At most 256 requests of a connection wait behind another; clients that pipeline send some tens. */
const MAX_CONNECTION_BYTES = 256 * EXCHANGE_BYTES;

const MAX_BYTES = 64 * 1024 ** 2;

/**
 * What pipelined requests hold in memory until the answers before theirs are taken.
 *
 * Node stops reading from a client that takes no answers, but only after what it has
 * read: 64 KiB can hold a thousand requests, each with an answer far longer than itself.
 * A connection that brings more than the limits allow is closed, and what it sent may be
 * sent again, as after any lost answer. Requests that wait for no other cost nothing here.
 */
export class AnswerBacklog {
  readonly #metrics: Pick<IngestMetrics, "overrunConnections">;
  readonly #bytesOf = new Map<Socket, number>();
  #bytes = 0;

  constructor(metrics: Pick<IngestMetrics, "overrunConnections">) {
    this.#metrics = metrics;
  }

  /** Counts `bytes` until the response is sent, if it has to wait for another. Closes the connection past a limit. */
  charge(socket: Socket, response: ServerResponse, bytes: number): void {
    // Node gives a response its socket when its turn has come.
    if (response.socket !== null || socket.destroyed) return;
    if (!this.#bytesOf.has(socket)) socket.once("close", () => this.#forget(socket));
    this.#add(socket, bytes);
    response.once("close", () => this.#add(socket, -bytes));
    if ((this.#bytesOf.get(socket) ?? 0) <= MAX_CONNECTION_BYTES && this.#bytes <= MAX_BYTES) return;
    this.#metrics.overrunConnections.inc();
    stopParsing(socket);
    socket.destroy();
  }

  #add(socket: Socket, bytes: number): void {
    if (socket.destroyed) return;
    this.#bytesOf.set(socket, (this.#bytesOf.get(socket) ?? 0) + bytes);
    this.#bytes += bytes;
  }

  /** Node tells nothing of the responses that still waited for a connection that is gone. */
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
