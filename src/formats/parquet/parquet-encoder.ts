import assert from "node:assert/strict";
import { extname } from "node:path";
import { Worker } from "node:worker_threads";
import type { Batch } from "../../core/sink.ts";
import type { ParquetOptions } from "./parquet-file.ts";
import type { BatchPart, EncodedFile } from "./thread-messages.ts";

const THREAD = new URL(`./encoder-thread${extname(import.meta.filename)}`, import.meta.url);

/** What is copied for the thread in one turn of the event loop: at most about 0.2 ms of it. */
const PART_BYTES = 1024 * 1024;

/** A pipeline has at most this many batches in flight, so more are a bug. Those that wait are not copied yet. */
const MAX_WAITING = 256;

/** Values of a row group as columns, on top of the events' bytes. A thread that needs more ends, not the process. */
const MAX_HEAP_MIB = 512;

const OUT_OF_MEMORY = "ERR_WORKER_OUT_OF_MEMORY";

/** The thread ended before it had answered. It says nothing of the batch, which may be encoded again. */
export class EncoderThreadEnded extends Error {}

interface Job {
  readonly batch: Batch;
  /** Nobody waits for it any more. */
  isAborted: boolean;
  readonly resolve: (file: Buffer) => void;
  readonly reject: (reason: unknown) => void;
}

/**
 * Encodes batches as Parquet files, each complete in itself, in a thread of its own: it takes some
 * microseconds an event, and the event loop has requests to answer.
 *
 * Every event can be encoded and is there again byte for byte (`rebuildEvent`). Columns: `EVENT_COLUMNS`
 * and the typed ones of the options.
 *
 * One batch is encoded at a time, in the order they came; the thread starts with the first. If it dies,
 * what it had is rejected with `EncoderThreadEnded`, and the next batch gets a new one.
 */
export class ParquetEncoder {
  readonly #options: ParquetOptions;
  readonly #waiting: Job[] = [];
  #current: Job | undefined;
  #thread: Worker | undefined;
  #closed = false;
  #idle: (() => void)[] = [];

  constructor(options: ParquetOptions) {
    this.#options = options;
  }

  /** The batch as a file. Rejects with the signal's reason as soon as it is aborted, and after `close`. */
  async encode(batch: Batch, signal?: AbortSignal): Promise<Buffer> {
    signal?.throwIfAborted();
    if (this.#closed) throw new EncoderThreadEnded("the encoder is closed");
    assert(this.#waiting.length < MAX_WAITING, "more batches wait than a pipeline sends at a time");
    const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
    const job: Job = { batch, isAborted: false, resolve, reject };
    const abort = () => this.#abort(job, signal?.reason);
    signal?.addEventListener("abort", abort, { once: true });
    this.#waiting.push(job);
    this.#startNext();
    try {
      return await promise;
    } finally {
      signal?.removeEventListener("abort", abort);
    }
  }

  /** Waits for what is being encoded, and ends the thread. Safe to call twice. */
  async close(): Promise<void> {
    this.#closed = true;
    if (this.#current !== undefined) await new Promise<void>((resolve) => this.#idle.push(resolve));
    const thread = this.#thread;
    this.#thread = undefined;
    await thread?.terminate();
  }

  #abort(job: Job, reason: unknown): void {
    job.isAborted = true;
    job.reject(reason);
    const index = this.#waiting.indexOf(job);
    if (index !== -1) this.#waiting.splice(index, 1);
  }

  #startNext(): void {
    if (this.#current !== undefined) return;
    this.#current = this.#waiting.shift();
    if (this.#current === undefined) {
      // A process that has nothing else to do may end.
      this.#thread?.unref();
      for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    const thread = (this.#thread ??= this.#startThread());
    thread.ref();
    void this.#send(this.#current, thread);
  }

  #startThread(): Worker {
    const thread = new Worker(THREAD, {
      name: "parquet",
      workerData: this.#options,
      // Not what the process was started with: a module that is preloaded there has no business here.
      execArgv: [],
      resourceLimits: { maxOldGenerationSizeMb: MAX_HEAP_MIB },
    });
    let failure: unknown;
    thread.on("message", ({ bytes }: EncodedFile) => this.#finish(thread, (job) => job.resolve(Buffer.from(bytes))));
    thread.on("error", (error) => {
      failure = error;
    });
    thread.on("exit", (code) => {
      const reason = isBug(failure) ? failure : new EncoderThreadEnded(whyEnded(failure, code));
      this.#finish(thread, (job) => job.reject(reason), true);
    });
    return thread;
  }

  #finish(thread: Worker, settle: (job: Job) => void, isDead = false): void {
    if (this.#thread !== thread) return;
    if (isDead) this.#thread = undefined;
    const job = this.#current;
    if (job === undefined) return;
    this.#current = undefined;
    settle(job);
    this.#startNext();
  }

  /** Hands the batch over in parts, and lets the event loop do something else in between. */
  async #send(job: Job, thread: Worker): Promise<void> {
    const { batch } = job;
    for (let from = 0; from === 0 || from < batch.length;) {
      // The thread's end has been seen to, and this job with it.
      if (this.#current !== job || this.#thread !== thread) return;
      // What was sent cannot be taken back: an aborted batch ends with what is there.
      const to = job.isAborted ? from : partEnd(batch, from);
      const isLast = job.isAborted || to === batch.length;
      const part = partOf(batch, from, to, isLast);
      thread.postMessage(part, [part.bytes]);
      if (isLast) return;
      from = to;
      await new Promise((resolve) => setImmediate(resolve));
    }
  }
}

/** What the thread threw is to be thrown here too; that it had too little memory, or was ended, is not. */
function isBug(failure: unknown): boolean {
  return failure !== undefined && !(failure instanceof Error && "code" in failure && failure.code === OUT_OF_MEMORY);
}

function whyEnded(failure: unknown, code: number): string {
  return `the thread that encodes Parquet ended: ${failure instanceof Error ? failure.message : `exit code ${code}`}`;
}

/** One event at least. */
function partEnd(batch: Batch, from: number): number {
  let bytes = 0;
  for (let index = from; index < batch.length; index++) {
    bytes += batch[index]?.bytes.length ?? 0;
    if (bytes >= PART_BYTES) return index + 1;
  }
  return batch.length;
}

function partOf(batch: Batch, from: number, to: number, isLast: boolean): BatchPart {
  const events = batch.slice(from, to);
  const lengths = Uint32Array.from(events, (event) => event.bytes.length);
  const positions = Float64Array.from(events, (event) => event.position);
  let size = 0;
  for (const length of lengths) size += length;
  const bytes = new ArrayBuffer(size);
  const into = Buffer.from(bytes);
  let at = 0;
  for (const event of events) at += event.bytes.copy(into, at);
  return { positions, lengths, bytes, isLast };
}
