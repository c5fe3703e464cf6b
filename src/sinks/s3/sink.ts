import type { Logger } from "pino";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { CollectedEvent, Position } from "../../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";
import { ndjsonBytes } from "../../formats/ndjson.ts";
import { EncoderThreadEnded } from "../../formats/parquet/parquet-encoder.ts";
import { BucketStore } from "./bucket-store.ts";
import type { S3Config } from "./config.ts";
import { createEncoder, type ObjectEncoder } from "./encode.ts";
import { ObjectKeys } from "./object-key.ts";
import type { ObjectStore } from "./object-store.ts";
import { ObjectWriter } from "./object-writer.ts";
import { OwedEvents } from "./owed-events.ts";
import { receiptOf } from "./response.ts";

export interface S3SinkContext {
  readonly node: string;
  readonly slot: string;
  readonly log: Logger;
  readonly clock?: Clock;
  /** Default: the bucket of the configuration. */
  readonly store?: ObjectStore;
}

/** Delivers events to a bucket of Amazon S3, or of anything that speaks its protocol. */
export function createS3Sink(config: S3Config, context: S3SinkContext): S3Sink {
  return new S3Sink(config, context);
}

interface Encoded {
  readonly events: Batch;
  readonly body: Promise<Buffer>;
}

/** What became of a write: all is stored, or why the rest is not. */
interface Outcome {
  /** From the head of the batch on, in order. */
  readonly storedEvents: number;
  readonly failure: { readonly reason: string; readonly retryAfterMs?: number } | undefined;
}

const GIVEN_UP = "given up";
const WAITS = "waits for earlier events, which are to be stored first";

/**
 * One batch is one object, or several where it goes over the end of an hour.
 *
 * Objects are written one after the other, in the order of the journal, and an event that
 * comes before one that was not stored yet has to wait for it. That, and keys that follow
 * from the first event (`object-writer.ts`), make each event lie in the bucket once.
 *
 * With `retry.maxAgeMs` events may be given up, which nobody tells a sink, so there is no
 * waiting then: after an outage and a crash together some may be stored twice.
 */
export class S3Sink implements Sink {
  readonly type = "s3";
  readonly name: string;
  readonly limits: BatchLimits;
  readonly #clock: Clock;
  readonly #log: Logger;
  readonly #store: ObjectStore;
  readonly #encoder: ObjectEncoder;
  readonly #keys: ObjectKeys;
  readonly #writer: ObjectWriter;
  /** Ends when the write that came last does. */
  #lastTurn: Promise<unknown> = Promise.resolve();
  #writing = 0;
  /** `undefined`: no order is kept. */
  readonly #owed: OwedEvents | undefined;
  /** The object whose making failed without a word: it is tried again with the same events, since it may be there. */
  #tried: { readonly first: Position; readonly last: Position } | undefined;
  readonly #patienceMs: number;
  #waitsSinceMs: number | undefined;
  #closed: Promise<void> | undefined;

  constructor(config: S3Config, { node, slot, log, clock = systemClock, store }: S3SinkContext) {
    this.name = config.name;
    const { maxEvents, maxBytes, maxAgeMs } = config.batch;
    this.limits = { maxEvents, maxBytes, maxEventBytes: maxBytes, maxAgeMs };
    this.#clock = clock;
    this.#log = log;
    this.#store = store ?? new BucketStore(config, clock);
    this.#encoder = createEncoder(config);
    const writer = { sink: config.name, node, slot };
    this.#keys = new ObjectKeys({ template: config.key, prefix: config.prefix, ext: this.#encoder.ext, writer });
    this.#writer = new ObjectWriter({
      store: this.#store,
      contentType: this.#encoder.contentType,
      keys: this.#keys,
      conditionalWrites: config.conditionalWrites,
      onOther: (key, newKey) =>
        log.warn(
          { key, newKey },
          "an object with the key of these events holds others: the journal was wiped or copied, or `when` changed. They are stored under another key",
        ),
    });
    this.#owed = config.retry.maxAgeMs === 0 ? new OwedEvents() : undefined;
    this.#patienceMs = 2 * (config.retry.maxDelayMs + config.timeoutMs) + 60_000;
  }

  eventBytes(event: CollectedEvent): number {
    return ndjsonBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (batch.length === 0) return { kind: "delivered" };
    if (this.#closed !== undefined) return { kind: "retryable", reason: "the sink is closed" };
    if (signal.aborted) return { kind: "retryable", reason: GIVEN_UP };
    const sorted = batch.toSorted((a, b) => a.position - b.position);
    this.#owed?.add(sorted);
    const turn = this.#inTurn(sorted, this.#lastTurn, signal);
    this.#lastTurn = turn.catch(() => {});
    try {
      const { storedEvents, failure } = await turn;
      return receiptOf(batch, sorted.slice(0, storedEvents), failure);
    } catch (error) {
      if (signal.aborted) return { kind: "retryable", reason: GIVEN_UP };
      if (error instanceof EncoderThreadEnded) return { kind: "retryable", reason: error.message };
      // A bug, after which the pipeline may give an event up: nothing must wait for it.
      this.#owed?.forgetBefore(Number.POSITIVE_INFINITY);
      throw error;
    }
  }

  /** Objects are stored one at a time. The next one is encoded meanwhile, as far as it can be foreseen. */
  async #inTurn(sorted: Batch, before: Promise<unknown>, signal: AbortSignal): Promise<Outcome> {
    const foreseen = this.#writing === 0 ? undefined : this.#encode(this.#nextObject(sorted), signal);
    this.#writing++;
    try {
      await before;
      return await this.#writeAll(sorted, foreseen, signal);
    } finally {
      this.#writing--;
    }
  }

  #encode(events: Batch, signal: AbortSignal): Encoded {
    const body = this.#encoder.encode(events, signal);
    // Whether anybody waits for it depends on what becomes of the objects before.
    body.catch(() => {});
    return { events, body };
  }

  async #writeAll(sorted: Batch, foreseen: Encoded | undefined, signal: AbortSignal): Promise<Outcome> {
    let storedEvents = 0;
    while (storedEvents < sorted.length) {
      const ready = this.#ready(sorted.slice(storedEvents));
      const events = this.#nextObject(ready);
      const [first] = events;
      const last = events.at(-1);
      if (first === undefined || last === undefined) return { storedEvents, failure: { reason: WAITS } };
      const isForeseen = foreseen !== undefined && sameEvents(events, foreseen.events);
      const { body } = isForeseen ? foreseen : this.#encode(events, signal);
      this.#tried = { first: first.position, last: last.position };
      const result = await this.#writer.write(events, ready, body, signal);
      if (result.kind === "failed") return { storedEvents, failure: result };
      this.#tried = undefined;
      this.#owed?.stored(result.events);
      storedEvents += result.events;
    }
    return { storedEvents, failure: undefined };
  }

  /** The events that may be written now. Those that nothing is heard of for long are not waited for any more. */
  #ready(rest: Batch): Batch {
    if (this.#owed === undefined) return rest;
    const ready = this.#owed.ready(rest);
    const [first] = rest;
    if (ready.length > 0 || first === undefined) {
      this.#waitsSinceMs = undefined;
      return ready;
    }
    const nowMs = this.#clock.monotonicMs();
    this.#waitsSinceMs ??= nowMs;
    if (nowMs - this.#waitsSinceMs < this.#patienceMs) return ready;
    this.#log.warn("events that were to be tried again did not come; later ones are stored without them");
    this.#owed.forgetBefore(first.position);
    this.#waitsSinceMs = undefined;
    return this.#owed.ready(rest);
  }

  /** The events at the head that make one object: up to the end of the hour, or of what was tried before. */
  #nextObject(events: Batch): Batch {
    const [first] = events;
    if (first === undefined) return [];
    const period = this.#keys.periodOf(first.receivedMs);
    const lastTried = this.#tried?.first === first.position ? this.#tried.last : Number.POSITIVE_INFINITY;
    // Events that were received in an earlier hour and come late stay with those around them: else each would be an object.
    const end = events.findIndex(
      ({ position, receivedMs }) => position > lastTried || this.#keys.periodOf(receivedMs) > period,
    );
    return end === -1 ? events : events.slice(0, end);
  }

  check(signal: AbortSignal): Promise<readonly string[]> {
    return this.#store.check(signal);
  }

  close(): Promise<void> {
    this.#closed ??= this.#close();
    return this.#closed;
  }

  async #close(): Promise<void> {
    await this.#lastTurn;
    await this.#encoder.close();
    await this.#store.close();
  }
}

/** Both are in order, and cut from what the journal has. */
function sameEvents(a: Batch, b: Batch): boolean {
  return a.length === b.length && a.every((event, index) => event === b[index]);
}
