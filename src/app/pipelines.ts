import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Clock, Timer } from "../core/clock.ts";
import type { CollectedEvent } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import type { RejectLog } from "../core/reject-log.ts";
import type { Sink } from "../core/sink.ts";
import { openClaimStore } from "../claims/open-claim-store.ts";
import type { ClaimStore } from "../core/claim-store.ts";
import { createPipelineMetrics, type PipelineMetrics } from "../pipeline/metrics.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import { MemorySink } from "../sinks/memory/sink.ts";
import type { SendCounts } from "../sinks/notify/sink.ts";
import type { Caution } from "./caution.ts";
import type { LedgerBook } from "./ledger-book.ts";
import type { SinkConfig } from "./sink-config.ts";
import { createSink } from "./sink-types.ts";
import type { Trial } from "./trial.ts";

const CHECK_TIMEOUT_MS = 15_000;

/**
 * Longest time for a pipeline to stop in a reload; then its writes are aborted, and sent again by
 * the next one. Well within what the supervisor waits for a reload.
 */
const STOP_MS = 60_000;

/** How often it is looked whether a trial is over. Longer than a cursor takes to be saved. */
const TRIAL_LOOK_MS = 500;

/** Longest time that the other sinks wait for the one on trial. */
const TRIAL_MS = 30_000;

interface PipelinesOptions {
  readonly node: string;
  readonly journal: Journal;
  readonly book: LedgerBook;
  readonly deadLetters: RejectLog;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  /** How carefully to go on after crashes. */
  readonly caution: Caution;
  readonly sendCounts: SendCounts;
}

interface Running {
  /** `undefined` once the pipeline is being stopped. */
  config: SinkConfig | undefined;
  readonly pipeline: Pipeline;
  readonly sink: Sink;
  readonly claims: ClaimStore | undefined;
  /** False while it waits for the sink on trial. */
  isStarted: boolean;
  /** Ends the check of the sink's destination, for which the sink would wait when it is closed. */
  readonly check: AbortController;
}

/**
 * The pipelines of one journal slot, one per configured sink, and how a new configuration
 * changes them: a sink that stays as it was goes on undisturbed, one that changed continues
 * at its cursor, one that is gone is no longer owed anything.
 *
 * While a sink is on trial (`Caution`), it is the only one that runs.
 *
 * Invariant: a sink that is to have an event is in the list, also while its pipeline is replaced.
 */
export class Pipelines {
  readonly #running = new Map<string, Running>();
  readonly #options: PipelinesOptions;
  readonly #metrics: PipelineMetrics;
  #ending = false;
  /** Ends when the changes that were asked for are made. */
  #applied: Promise<void> = Promise.resolve();
  #trialTimer: Timer | undefined;

  constructor(options: PipelinesOptions) {
    this.#options = options;
    this.#metrics = createPipelineMetrics(options.registry);
  }

  *[Symbol.iterator](): Iterator<Pipeline> {
    for (const { pipeline } of this.#running.values()) yield pipeline;
  }

  /**
   * Starts, restarts and stops pipelines until they are those of the configuration, and saves
   * where they begin. When a sink cannot be made the pipelines of before go on, and it rejects.
   * One change is made after the other: two at once could give a sink two pipelines.
   */
  async apply(configs: readonly SinkConfig[]): Promise<void> {
    const applied = this.#applied.then(() => this.#apply(configs));
    this.#applied = applied.catch(() => {});
    await applied;
  }

  async #apply(configs: readonly SinkConfig[]): Promise<void> {
    if (this.#ending) return;
    const { book } = this.#options;
    const before = [...this.#running.values()].flatMap(({ config }) => config ?? []);
    const accounts = book.ledger.sinks;
    try {
      await this.#change(configs);
    } catch (error) {
      await this.#change(before);
      this.#forgetAllBut(accounts);
      throw error;
    }
    // The next start does the rest.
    if (this.#ending) return;
    this.#forgetAllBut(configs.map(({ name }) => name));
    await book.flush();
  }

  async #change(configs: readonly SinkConfig[]): Promise<void> {
    const wanted = new Map(configs.map((config) => [config.name, config]));
    const stops: Promise<void>[] = [];
    for (const [name, running] of this.#running) {
      if (isDeepStrictEqual(running.config, wanted.get(name))) continue;
      running.config = undefined;
      running.check.abort();
      if (this.#options.caution.trial?.sink === name) this.#endTrial();
      stops.push(stopWithin(running.pipeline, STOP_MS));
    }
    await Promise.all(stops);
    for (const name of this.#running.keys()) if (!wanted.has(name)) this.#running.delete(name);
    for (const config of configs) {
      if (this.#running.get(config.name)?.config === undefined && !this.#ending) await this.#start(config);
    }
  }

  #forgetAllBut(sinks: readonly string[]): void {
    const { book, log } = this.#options;
    for (const name of book.ledger.sinks) {
      if (sinks.includes(name)) continue;
      const held = book.ledger.held(name);
      book.ledger.forget(name);
      book.changed();
      log.warn({ sink: name, held }, "this sink is no longer configured: its cursor and the events it held are let go");
    }
  }

  async #start(config: SinkConfig): Promise<void> {
    const { node, journal, book, deadLetters, registry, clock, sendCounts } = this.#options;
    const log = this.#options.log.child({ sink: config.name });
    const sink = await createSink(config, { node, slot: journal.slot, clock, registry, log, sendCounts });
    const claims = await openClaimStore(config.oversize, { clock, log });
    if (this.#ending) {
      await Promise.all([sink.close(), claims?.close()]);
      return;
    }
    const pipeline = new Pipeline({
      settings: config,
      sink,
      journal,
      from: book.ledger.open(config.name),
      settle: (cursor, counts, missing) => book.settle(config.name, cursor, counts, missing),
      deadLetters,
      claims,
      clock,
      random: Math.random,
      metrics: this.#metrics,
      log,
      owed: () => book.ledger.held(config.name),
      ...this.#options.caution.of(config.name),
    });
    const check = new AbortController();
    this.#running.set(config.name, { config, pipeline, sink, claims, check, isStarted: false });
    book.watch(config.name, (end) => pipeline.ahead(end));
    this.#startAllowed();
  }

  /** Starts the pipelines that wait: all, or only that of the sink on trial. */
  #startAllowed(): void {
    const { trial } = this.#options.caution;
    const alone = trial === undefined || trial.isOver ? undefined : trial;
    for (const [name, running] of this.#running) {
      if (running.isStarted || running.config === undefined || (alone !== undefined && alone.sink !== name)) continue;
      running.isStarted = true;
      running.pipeline.start();
      this.#check(running, this.#options.log.child({ sink: name }));
      if (alone !== undefined) this.#watchTrial(running.pipeline, alone);
    }
  }

  #check({ sink, claims, check }: Running, log: Logger): void {
    const signal = AbortSignal.any([check.signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]);
    Promise.all([sink.check(signal), claims?.check(signal) ?? []]).then(
      (problems) => {
        if (check.signal.aborted) return;
        for (const problem of problems.flat()) log.warn({ problem }, "the sink's destination is not as it should be");
      },
      (error: unknown) => log.error({ err: error }, "bug in the sink: a check must answer, not throw"),
    );
  }

  /**
   * A trial is over when the sink got further or has nothing to do, when what it tried has come
   * back, or after a time. Got further is what a successor would see, too: else it would have
   * the next event tried without a trial, again and again.
   */
  #watchTrial(pipeline: Pipeline, trial: Trial): void {
    const { book, clock, log } = this.#options;
    const { sink } = trial;
    const from = book.ledger.cursor(sink);
    const endMs = clock.monotonicMs() + TRIAL_MS;
    log.warn({ sink, atMostMs: TRIAL_MS }, "this sink begins alone, to see whether it crashes the worker");
    const look = (): void => {
      const isBack = trial.hasTried && pipeline.health().inFlight === 0;
      const isThrough = (book.saved[sink] ?? from) > from || book.ledger.held(sink) === 0;
      if (isBack || isThrough || clock.monotonicMs() >= endMs) this.#endTrial();
      else this.#trialTimer = clock.after(TRIAL_LOOK_MS, look);
    };
    this.#trialTimer = clock.after(TRIAL_LOOK_MS, look);
  }

  #endTrial(): void {
    this.#trialTimer?.cancel();
    this.#options.caution.trial?.end();
    if (!this.#ending) this.#startAllowed();
  }

  /** What a sink of type `memory` holds, oldest first; `undefined` when there is none of that name. */
  eventsInMemory(name: string): readonly CollectedEvent[] | undefined {
    const sink = this.#running.get(name)?.sink;
    return sink instanceof MemorySink ? sink.events() : undefined;
  }

  wake(): void {
    for (const { pipeline } of this.#running.values()) pipeline.wake();
  }

  /** Flushes all pipelines at once, and has stopped them after `deadlineMs`; what they could not deliver stays in the journal. */
  async drain(deadlineMs: number): Promise<void> {
    // The others have to deliver, too.
    if (deadlineMs > 0) this.#endTrial();
    this.#end();
    await Promise.all([...this].map((pipeline) => pipeline.drain(deadlineMs)));
  }

  async stop(): Promise<void> {
    this.#end();
    await Promise.all([...this].map((pipeline) => pipeline.stop()));
  }

  #end(): void {
    this.#ending = true;
    this.#endTrial();
    for (const { check } of this.#running.values()) check.abort();
  }
}

async function stopWithin(pipeline: Pipeline, atMostMs: number): Promise<void> {
  const stopped = pipeline.stop();
  // It sends nothing more; the drain only has a deadline.
  await Promise.all([stopped, pipeline.drain(atMostMs)]);
}
