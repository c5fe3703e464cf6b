import type { Writable } from "node:stream";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";
import { encodeNdjson, ndjsonBytes } from "../../formats/ndjson.ts";
import { SerialQueue } from "../serial-queue.ts";
import type { StdoutSinkConfig } from "./config.ts";
import { reasonOf } from "./response.ts";

/** @param output standard output, unless a test looks on */
export function createStdoutSink(config: StdoutSinkConfig, output: Writable = process.stdout): Sink {
  return new StdoutSink(config, output);
}

/**
 * NDJSON on standard output, for whatever reads the other end of the pipe.
 *
 * Delivered means that the operating system has taken the bytes. A reader that is slow slows the
 * sink: at most one batch is with the stream at a time, also when writes are aborted meanwhile. A
 * batch aborted half way may still come out, and then once more when it is retried.
 */
class StdoutSink implements Sink {
  readonly name: string;
  readonly type = "stdout";
  readonly limits: BatchLimits;
  readonly #output: Writable;
  readonly #closeTimeoutMs: number;
  readonly #queue = new SerialQueue();
  /** Why the last batch was not taken. */
  #failure: string | undefined;
  #closed = false;
  // Node reports a failed write to its callback and again as an event, which nobody else need hear.
  readonly #ignoreError = () => {};

  constructor(config: StdoutSinkConfig, output: Writable) {
    this.name = config.name;
    this.limits = { ...config.batch, maxEventBytes: config.batch.maxBytes };
    this.#closeTimeoutMs = config.timeoutMs;
    this.#output = output;
    output.on("error", this.#ignoreError);
  }

  eventBytes(event: CollectedEvent): number {
    return ndjsonBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (this.#closed) return { kind: "retryable", reason: "the sink is closed" };
    if (batch.length === 0) return { kind: "delivered" };
    try {
      return await this.#queue.run(() => this.#print(encodeNdjson(batch)), signal);
    } catch (error) {
      if (signal.aborted) return { kind: "retryable", reason: "aborted" };
      throw error;
    }
  }

  async check(): Promise<readonly string[]> {
    if (this.#failure === undefined) return [];
    return [
      `Sink ${this.name} cannot print (${this.#failure}). Start the collector with its standard output going to a reader or a file.`,
    ];
  }

  async close(): Promise<void> {
    this.#closed = true;
    try {
      await this.#queue.run(async () => {}, AbortSignal.timeout(this.#closeTimeoutMs));
    } catch {
      // The reader has stopped reading; its batch was never confirmed, so the journal still has it.
    }
    // A destroyed stream may have its error event still to come.
    if (!this.#output.destroyed) this.#output.off("error", this.#ignoreError);
  }

  #print(lines: Buffer): Promise<Receipt> {
    const { promise, resolve } = Promise.withResolvers<Receipt>();
    // The callback comes once the bytes are out, so waiting for it is the back-pressure.
    this.#output.write(lines, (error) => {
      this.#failure = error ? reasonOf(error) : undefined;
      resolve(this.#failure === undefined ? { kind: "delivered" } : { kind: "retryable", reason: this.#failure });
    });
    return promise;
  }
}
