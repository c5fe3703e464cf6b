import type { Socket } from "node:net";
import type { PendingBytes } from "../body/pending-bytes.ts";
import type { ConnectionsOptions } from "../connections-options.ts";
import { INCOMPLETE } from "../protocol-problems.ts";
import { PlainExchange } from "./plain-exchange.ts";
import { HeadMemory, type PlainHead } from "./plain-head.ts";

/** Largest body that is taken here: that of a beacon. */
const MAX_BODY_BYTES = 64 * 1024;

/** Parts that a request may come in, and the time that it may take: what comes slower is node's. */
const MAX_PARTS = 16;
const MAX_PARTIAL_MS = 1_000;

export interface PlainContext extends ConnectionsOptions {
  /** Has node's server serve the connection from these bytes on. */
  readonly handOver: (socket: Socket, bytes: Buffer | undefined) => void;
  /** The budget, of all connections, for requests whose rest is still to come. */
  readonly partial: PendingBytes;
  readonly keepAlive: string;
}

/**
 * A connection whose requests have all been plain so far. It reads, serves and answers one after
 * the other, and hands the connection over for good before the first byte of anything else.
 *
 * States: waiting (for a request, or for the rest of one: `#bytes`); serving (`#exchange` is to be
 * answered, and what comes meanwhile stays in `#bytes`, of which the socket brings no more than
 * one read); gone (closed, or handed over).
 */
export class PlainConnection {
  readonly socket: Socket;
  readonly #context: PlainContext;
  readonly #onGone: (connection: PlainConnection) => void;
  readonly #memory = new HeadMemory();
  #bytes: Buffer | undefined;
  #parts = 0;
  /** Bytes of the budget for partial requests that it has. */
  #reserved = 0;
  #exchange: PlainExchange | undefined;
  /** Since when it waits, or its last answer is not taken, by the monotonic clock. */
  #sinceMs: number;
  #isServed = false;
  #isRunning = false;
  /** The client has ended its half. */
  #isEnded = false;
  #isGone = false;

  constructor(socket: Socket, context: PlainContext, onGone: (connection: PlainConnection) => void) {
    this.socket = socket;
    this.#context = context;
    this.#onGone = onGone;
    this.#sinceMs = context.clock.monotonicMs();
    socket.on("data", this.#read);
    socket.on("end", this.#end);
    socket.on("error", ignore);
    socket.on("close", this.#close);
  }

  /** Ends what takes too long, and hands over what comes slowly. */
  check(nowMs: number): void {
    const { http } = this.#context;
    const ageMs = nowMs - this.#sinceMs;
    if (this.#exchange !== undefined) return;
    if (this.socket.writableLength > 0) {
      if (ageMs > http.requestTimeoutMs + http.ackTimeoutMs) this.socket.destroy();
    } else if (this.#bytes !== undefined) {
      if (ageMs > MAX_PARTIAL_MS) this.#handOver();
    } else if (ageMs > (this.#isServed ? http.idleTimeoutMs : http.headersTimeoutMs)) this.socket.destroy();
  }

  /** Ends the connection if nothing is under way; leaves a request that has not come whole to node. */
  close(): void {
    if (this.#exchange !== undefined) return;
    if (this.#bytes === undefined) this.socket.destroy();
    else this.#handOver();
  }

  readonly #read = (chunk: Buffer): void => {
    if (this.#bytes === undefined) {
      this.#bytes = chunk;
      this.#parts = 1;
      if (this.#exchange === undefined) this.#sinceMs = this.#context.clock.monotonicMs();
    } else {
      this.#bytes = Buffer.concat([this.#bytes, chunk]);
      this.#parts++;
    }
    if (this.#exchange === undefined) this.#run();
    else this.socket.pause();
  };

  /** Serves what has come whole. In a loop, since answers may come at once and requests by the hundred. */
  #run(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    while (this.#serveNext());
    this.#isRunning = false;
  }

  /** True when there was a request and it is answered. */
  #serveNext(): boolean {
    const bytes = this.#bytes;
    if (bytes === undefined || this.#isGone || this.socket.destroyed) return false;
    // An answer that is not taken: as node's server does, no more is read from who does not read.
    if (this.socket.writableNeedDrain) {
      this.socket.pause();
      this.socket.once("drain", () => this.#goOn());
      return false;
    }
    const head = this.#memory.read(bytes, this.#context.http.maxHeaderBytes);
    if (head === undefined || head.bodyBytes > MAX_BODY_BYTES) return this.#handOver();
    const end = head.headBytes + head.bodyBytes;
    if (bytes.length < end) return this.#awaitRest(head, bytes.length);
    this.#release();
    const body = bytes.subarray(head.headBytes, end);
    this.#bytes = bytes.length === end ? undefined : bytes.subarray(end);
    this.#parts = 1;
    this.#serve(head, body);
    return this.#exchange === undefined;
  }

  #awaitRest(head: PlainHead, length: number): false {
    const { partial } = this.#context;
    if (this.#isEnded) this.#serveIncomplete(head);
    else if (this.#parts >= MAX_PARTS || !partial.reserve(length - this.#reserved)) this.#handOver();
    else this.#reserved = length;
    return false;
  }

  #release(): void {
    this.#context.partial.release(this.#reserved);
    this.#reserved = 0;
  }

  /** There may be more to say about it than that it is not complete. */
  #serveIncomplete(head: PlainHead): void {
    this.#bytes = undefined;
    this.#release();
    this.#serve(head, undefined);
    const exchange = this.#exchange;
    if (exchange === undefined) return;
    exchange.isLast = true;
    exchange.problem(INCOMPLETE);
  }

  #serve(head: PlainHead, body: Buffer | undefined): void {
    const { clock, context, serve, keepAlive } = this.#context;
    const startedMs = clock.monotonicMs();
    this.#exchange = new PlainExchange(
      { socket: this.socket, head, body, startedMs, onAnswer: this.#answer, keepAlive },
      context,
    );
    serve(this.#exchange);
  }

  readonly #answer = (head: string, body: string | Buffer | undefined, isLast: boolean): void => {
    this.#exchange = undefined;
    this.#isServed = true;
    this.#sinceMs = this.#context.clock.monotonicMs();
    const { socket } = this;
    if (this.#isGone || socket.destroyed) return;
    if (body === undefined) socket.write(head, "latin1");
    else socket.write(head + body.toString(), "utf8");
    // What comes behind the last answer of a connection is no request (RFC 9112, 9.6).
    if (isLast || (this.#isEnded && this.#bytes === undefined)) this.#finish();
    else this.#goOn();
  };

  #goOn(): void {
    if (this.#isGone) return;
    if (this.socket.isPaused()) this.socket.resume();
    this.#run();
  }

  readonly #end = (): void => {
    this.#isEnded = true;
    if (this.#exchange !== undefined) return;
    if (this.#bytes === undefined) this.#finish();
    else this.#run();
  };

  /** Ends the connection once its last answer is on its way. */
  #finish(): void {
    this.#leave();
    // Nothing more is read, and a reset is nobody's.
    this.socket.on("error", ignore);
    this.socket.destroySoon();
  }

  #handOver(): false {
    const bytes = this.#bytes;
    this.#leave();
    this.#context.handOver(this.socket, bytes);
    return false;
  }

  readonly #close = (): void => {
    if (this.#exchange === undefined && this.#bytes !== undefined) this.#context.context.metrics.abandoned.inc();
    this.#leave();
  };

  #leave(): void {
    if (this.#isGone) return;
    this.#isGone = true;
    this.#bytes = undefined;
    this.#release();
    const { socket } = this;
    socket.off("data", this.#read);
    socket.off("end", this.#end);
    socket.off("error", ignore);
    socket.off("close", this.#close);
    this.#onGone(this);
  }
}

function ignore(): void {}
