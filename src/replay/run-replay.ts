import type { Logger } from "pino";
import { Registry } from "prom-client";
import type { ClaimStore } from "../core/claim-store.ts";
import type { Clock } from "../core/clock.ts";
import type { SinkSettings } from "../core/config-fields.ts";
import type { Position } from "../core/event.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { Sink } from "../core/sink.ts";
import { createPipelineMetrics } from "../pipeline/metrics.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import type { SkipReason, StoredEvent, StoredItem, StoredUnit } from "./event-store.ts";
import { Outcomes } from "./outcomes.ts";
import { Pace } from "./pace.ts";
import { ReplayFeed } from "./replay-feed.ts";
import type { ReplayLedger } from "./replay-ledger.ts";
import { RunRecord } from "./run-record.ts";
import { firstPosition, type RunState } from "./run-state.ts";

/** Between two savings of what was settled: so much is sent again after a `kill -9`. */
const SAVE_MS = 250;

/** The longest that a timer can be set to. It ends when all is settled, or when it is told to. */
const FOR_EVER_MS = 2 ** 31 - 1;

/** Items between which other work has its turn. */
const ITEMS_PER_TURN = 1_000;

export interface ReplayProgress {
  readonly ledger: ReplayLedger;
  readonly bytesRead: number;
  readonly bytes: number;
  /** What the sink answered last, while it takes nothing or not all. */
  readonly lastError?: string | undefined;
}

export interface ReplayOptions {
  readonly units: readonly StoredUnit[];
  /** What is to be sent of an item, or why nothing is. */
  readonly choose: (item: StoredItem, unit: StoredUnit) => StoredEvent | SkipReason;
  readonly settings: SinkSettings;
  readonly sink: Sink;
  /** Where the data of events goes that are too large for the sink. */
  readonly claims?: ClaimStore | undefined;
  readonly deadLetters: RejectLog;
  /** The code to count an event that was given up by. */
  readonly codeOf: (entry: RejectedEvent) => string;
  /** Where an earlier start got to. */
  readonly before: RunState;
  /** Infinite: as fast as the sink takes them. */
  readonly eventsPerSecond: number;
  /** Told of each event that is settled for good, with where it is from. */
  readonly onSettled: (unit: string, index: number, isDelivered: boolean) => void;
  /** Called about four times a second, and at the end. */
  readonly save: (state: RunState) => Promise<void>;
  readonly onProgress: (progress: ReplayProgress) => void;
  readonly clock: Clock;
  readonly random: () => number;
  readonly log: Logger;
  /** Stops the replay: what is on its way may end, and the rest is for the next start. */
  readonly signal: AbortSignal;
}

export interface ReplayResult {
  readonly ledger: ReplayLedger;
  /** False when it was stopped before everything was settled. */
  readonly isThrough: boolean;
  /** Files that could not be read to their end, and why. */
  readonly problems: readonly string[];
}

/**
 * Reads stored events and brings those that are meant to a sink, by the pipeline that the collector has:
 * with its batches, retries, bisection, circuit and dead letters.
 */
export async function runReplay(given: ReplayOptions): Promise<ReplayResult> {
  const halt = new AbortController();
  const signal = AbortSignal.any([given.signal, halt.signal]);
  const options = { ...given, signal };
  const { settings, clock, log } = options;
  const record = new RunRecord(options.before);
  const outcomes = new Outcomes({
    delivered(position) {
      tellSettled(position, true);
      record.delivered(position);
    },
    refused(position, code) {
      tellSettled(position, false);
      record.refused(position, code);
    },
  });
  const tellSettled = (position: Position, isDelivered: boolean): void => {
    const place = record.placeOf(position);
    if (place !== undefined) options.onSettled(place.unit, place.index, isDelivered);
  };
  const from = firstPosition(options.before);
  const feed = new ReplayFeed(from);
  let settledTo = from;
  const pipeline = new Pipeline({
    settings,
    sink: outcomes.watchSink(options.sink),
    journal: feed,
    from,
    settle(cursor, counts) {
      record.move(cursor, counts);
      outcomes.forget(settledTo, cursor);
      settledTo = cursor;
    },
    deadLetters: outcomes.watchRejects(options.deadLetters, options.codeOf),
    claims: options.claims,
    clock,
    random: options.random,
    metrics: createPipelineMetrics(new Registry()),
    log,
    owed: () => feed.end - settledTo,
  });
  pipeline.start();
  const stop = (): void => {
    feed.stop();
    // Ends a drain, too. Writes on their way may end, and count.
    void pipeline.stop();
  };
  signal.addEventListener("abort", stop, { once: true });
  const reading = new Reading(options, record, feed, () => pipeline.wake());
  const saver = new Saver(
    clock,
    async () => {
      await options.save(record.state(false));
      const { state, lastError } = pipeline.health();
      options.onProgress({ ...reading.progress(), ...(state !== "ok" && { lastError }) });
    },
    // What cannot be saved would be sent again.
    () => halt.abort(),
  );
  try {
    await reading.readAll();
    if (!signal.aborted) await pipeline.drain(FOR_EVER_MS);
  } finally {
    await pipeline.stop();
    await saver.stop();
    signal.removeEventListener("abort", stop);
  }
  const isThrough = reading.isThrough && settledTo === feed.end;
  await options.save(record.state(isThrough));
  options.onProgress(reading.progress());
  return { ledger: record.tally.ledger(), isThrough, problems: reading.problems };
}

/** Goes through the units, chooses what is meant, and feeds it to the pipeline. */
class Reading {
  readonly #options: ReplayOptions;
  readonly #record: RunRecord;
  readonly #feed: ReplayFeed;
  readonly #wake: () => void;
  readonly #pace: Pace;
  readonly #bytes: number;
  readonly problems: string[] = [];
  isThrough = false;
  #bytesRead = 0;
  #items = 0;

  constructor(options: ReplayOptions, record: RunRecord, feed: ReplayFeed, wake: () => void) {
    this.#options = options;
    this.#record = record;
    this.#feed = feed;
    this.#wake = wake;
    this.#pace = new Pace(options.eventsPerSecond, options.clock, options.signal);
    this.#bytes = options.units.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  progress(): ReplayProgress {
    return { ledger: this.#record.tally.ledger(), bytesRead: this.#bytesRead, bytes: this.#bytes };
  }

  async readAll(): Promise<void> {
    const { units, signal, log } = this.#options;
    for (const unit of units) {
      if (signal.aborted) return;
      if (this.#record.isPast(unit.key)) {
        this.#bytesRead += unit.bytes;
        continue;
      }
      try {
        await this.#readUnit(unit);
      } catch (error) {
        const why = error instanceof Error ? error.message : String(error);
        this.problems.push(`${unit.name} cannot be read to its end: ${why}`);
        log.error({ err: error, file: unit.name }, "stored events cannot be read; going on with the next file");
      }
    }
    this.isThrough = !signal.aborted;
  }

  async #readUnit(unit: StoredUnit): Promise<void> {
    const { signal } = this.#options;
    const onBytes = (bytes: number): void => {
      this.#bytesRead += bytes;
    };
    for await (const items of unit.read(onBytes)) {
      for (const item of items) {
        if (signal.aborted) return;
        if (this.#record.isDone(unit.key, item.index)) continue;
        await this.#take(item, unit);
        if (++this.#items % ITEMS_PER_TURN === 0) await new Promise((resolve) => setImmediate(resolve));
      }
    }
  }

  async #take(item: StoredItem, unit: StoredUnit): Promise<void> {
    const chosen = this.#options.choose(item, unit);
    if (typeof chosen === "string") {
      this.#record.skip(chosen, unit.key, item.index);
      return;
    }
    if (this.#record.wasAhead(unit.key, item.index)) return;
    await this.#pace.next();
    if (this.#feed.isFull()) await this.#feed.room();
    if (this.#options.signal.aborted) return;
    this.#record.feed(this.#feed.add(chosen), unit.key, item.index);
    this.#wake();
  }
}

/** Saves every so often, one saving at a time, until it is stopped. */
class Saver {
  readonly #clock: Clock;
  readonly #save: () => Promise<void>;
  readonly #onError: () => void;
  #timer: ReturnType<Clock["after"]> | undefined;
  #saving: Promise<void> = Promise.resolve();
  #error: unknown;
  #stopped = false;

  constructor(clock: Clock, save: () => Promise<void>, onError: () => void) {
    this.#clock = clock;
    this.#save = save;
    this.#onError = onError;
    this.#schedule();
  }

  #schedule(): void {
    this.#timer = this.#clock.after(SAVE_MS, () => {
      this.#saving = this.#save().then(
        () => {
          if (!this.#stopped) this.#schedule();
        },
        (error: unknown) => {
          this.#error = error;
          this.#onError();
        },
      );
    });
  }

  /** Rejects with what went wrong. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#saving;
    if (this.#error !== undefined) throw this.#error;
  }
}
