import pino from "pino";
import { Registry } from "prom-client";
import type { ClaimStore } from "../../core/claim-store.ts";
import type { SinkSettings } from "../../core/config-fields.ts";
import type { Position } from "../../core/event.ts";
import { Ledger } from "../../core/ledger.ts";
import type { RejectedEvent, RejectLog } from "../../core/reject-log.ts";
import type { BatchLimits } from "../../core/sink.ts";
import type { Caution } from "../caution.ts";
import { createPipelineMetrics } from "../metrics.ts";
import { Pipeline } from "../pipeline.ts";
import { FakeClock } from "./fake-clock.ts";
import { type FakeEvent, FakeJournal } from "./fake-journal.ts";
import { FakeSink } from "./fake-sink.ts";

const SINK = "fake";

export interface RigOptions {
  readonly settings?: Partial<SinkSettings>;
  readonly limits?: Partial<BatchLimits>;
  readonly random?: () => number;
  /** The cursor to begin at; the journal is empty. */
  readonly from?: number;
  /** Events that an earlier process wrote; the cursor is before them. */
  readonly backlog?: readonly FakeEvent[];
  readonly caution?: Caution;
  readonly setAside?: ReadonlySet<Position>;
  readonly claims?: ClaimStore;
}

/** A pipeline between fakes, with a real ledger, which asserts that the cursor accounts for every event. */
export class Rig {
  readonly clock = new FakeClock();
  readonly journal = new FakeJournal(() => this.clock.nowMs());
  readonly sink: FakeSink;
  readonly ledger = new Ledger();
  readonly registry = new Registry();
  readonly logged: { readonly level: number; readonly msg: string }[] = [];
  readonly deadLetters: RejectedEvent[] = [];
  /** Called before each append to the dead letters. */
  beforeDeadLetter: () => Promise<void> = () => Promise.resolve();
  readonly pipeline: Pipeline;

  constructor(options: RigOptions = {}) {
    this.sink = new FakeSink(options.limits);
    const rejectLog: RejectLog = {
      append: async (entries) => {
        await this.beforeDeadLetter();
        this.deadLetters.push(...entries);
      },
      close: () => Promise.resolve(),
    };
    this.ledger.skipTo(options.from ?? 0);
    const from = this.ledger.open(SINK);
    this.ledger.accept(this.journal.write(...(options.backlog ?? [])));
    this.pipeline = new Pipeline({
      settings: {
        name: SINK,
        type: "fake",
        required: true,
        maxInFlight: 2,
        timeoutMs: 1_000,
        retry: { minDelayMs: 100, maxDelayMs: 1_000, maxAgeMs: 0 },
        ...options.settings,
      },
      sink: this.sink,
      journal: this.journal,
      from,
      settle: (cursor, counts, missing) => this.ledger.settle(SINK, cursor, counts, missing),
      deadLetters: rejectLog,
      clock: this.clock,
      random: options.random ?? (() => 0.5),
      metrics: createPipelineMetrics(this.registry),
      owed: () => this.ledger.held(SINK),
      claims: options.claims,
      ...(options.caution && { caution: options.caution }),
      ...(options.setAside && { setAside: options.setAside }),
      log: pino({ level: "info" }, { write: (line: string) => void this.logged.push(JSON.parse(line)) }),
    });
  }

  get cursor(): number {
    return this.ledger.cursor(SINK);
  }

  /** Writes events to the journal and tells the pipeline. */
  write(...events: readonly FakeEvent[]): void {
    this.ledger.accept(this.journal.write(...events));
    this.pipeline.wake();
  }

  /** Writes `count` plain events. */
  writeMany(count: number): void {
    this.write(...Array.from({ length: count }, () => ({})));
  }

  /** Positions that hold no event. */
  lose(count: number): void {
    this.journal.lose(count);
    this.ledger.skipTo(this.journal.end);
  }
}
