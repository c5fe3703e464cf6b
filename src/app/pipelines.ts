import { isDeepStrictEqual } from "node:util";
import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { systemClock } from "../core/clock.ts";
import type { Journal } from "../core/journal.ts";
import type { RejectLog } from "../core/reject-log.ts";
import { createPipelineMetrics, type PipelineMetrics } from "../pipeline/metrics.ts";
import { Pipeline } from "../pipeline/pipeline.ts";
import type { LedgerBook } from "./ledger-book.ts";
import { createSink, type SinkConfig } from "./sink-types.ts";

const CHECK_TIMEOUT_MS = 15_000;

interface PipelinesOptions {
  readonly node: string;
  readonly journal: Journal;
  readonly book: LedgerBook;
  readonly deadLetters: RejectLog;
  readonly registry: Registry;
  readonly log: Logger;
}

interface Running {
  readonly config: SinkConfig;
  readonly pipeline: Pipeline;
}

/**
 * The pipelines of one journal slot, one per configured sink, and how a new configuration
 * changes them: a sink that stays as it was goes on undisturbed, one that changed continues
 * at its cursor, one that is gone is no longer owed anything.
 */
export class Pipelines {
  readonly #running = new Map<string, Running>();
  readonly #options: PipelinesOptions;
  readonly #metrics: PipelineMetrics;

  constructor(options: PipelinesOptions) {
    this.#options = options;
    this.#metrics = createPipelineMetrics(options.registry);
  }

  *[Symbol.iterator](): Iterator<Pipeline> {
    for (const { pipeline } of this.#running.values()) yield pipeline;
  }

  /** Starts, restarts and stops pipelines until they are those of the configuration. */
  async apply(configs: readonly SinkConfig[]): Promise<void> {
    const { book, log } = this.#options;
    const wanted = new Map(configs.map((config) => [config.name, config]));
    for (const [name, { config, pipeline }] of this.#running) {
      if (isDeepStrictEqual(config, wanted.get(name))) continue;
      this.#running.delete(name);
      await pipeline.stop();
    }
    for (const name of book.ledger.sinks) {
      if (wanted.has(name)) continue;
      const held = book.ledger.held(name);
      book.ledger.forget(name);
      book.changed();
      log.warn({ sink: name, held }, "this sink is no longer configured: its cursor and the events it held are let go");
    }
    for (const config of configs) {
      if (!this.#running.has(config.name)) await this.#start(config);
    }
  }

  async #start(config: SinkConfig): Promise<void> {
    const { node, journal, book, deadLetters, registry } = this.#options;
    const log = this.#options.log.child({ sink: config.name });
    const sink = await createSink(config, { node, slot: journal.slot, clock: systemClock, registry, log });
    const pipeline = new Pipeline({
      settings: config,
      sink,
      journal,
      from: book.ledger.open(config.name),
      settle: (cursor, counts, missing) => {
        book.ledger.settle(config.name, cursor, counts, missing);
        // Records that turned out to be damaged have no source any more; once the cursor has
        // passed everything, whatever is still owed is exactly those.
        if (missing > 0 && cursor === book.ledger.countedTo) {
          book.ledger.writeOff(config.name, cursor, new Map(), "journal_damaged");
        }
        book.changed();
      },
      deadLetters,
      clock: systemClock,
      random: Math.random,
      metrics: this.#metrics,
      log,
    });
    this.#running.set(config.name, { config, pipeline });
    book.changed();
    pipeline.start();
    void sink.check(AbortSignal.timeout(CHECK_TIMEOUT_MS)).then((problems) => {
      for (const problem of problems) log.warn({ problem }, "the sink's destination is not as it should be");
    });
  }

  wake(): void {
    for (const { pipeline } of this.#running.values()) pipeline.wake();
  }

  /** Flushes all pipelines at once, for at most `deadlineMs`; what they could not deliver stays in the journal. */
  async drain(deadlineMs: number): Promise<void> {
    await Promise.all([...this].map((pipeline) => pipeline.drain(deadlineMs)));
  }

  async stop(): Promise<void> {
    await Promise.all([...this].map((pipeline) => pipeline.stop()));
  }
}
