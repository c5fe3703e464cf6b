import { once } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import { AckTimes } from "./ack-times.ts";
import { SOURCE } from "./collector-config.ts";
import { FaultRunner } from "./fault-runner.ts";
import type { Fault } from "./fault.ts";
import { Load } from "./load.ts";
import { Monitor } from "./monitor.ts";
import { Oracle, VIOLATIONS } from "./oracle.ts";
import type { Plan } from "./plan.ts";
import { longestByFault, Recoveries } from "./recoveries.ts";
import type { StormReport } from "./report.ts";
import { sharedClockMs } from "./shared-clock.ts";
import { Stretches } from "./stretches.ts";
import { storedInFiles } from "./stored-files.ts";
import { openTargets, type TargetOptions, type Targets } from "./targets.ts";
import { compareLedger, judge, type LedgerReply } from "./verdict.ts";

const PROGRESS_EVERY_MS = 500;
/** How much longer than the collector waits for the sinks a sender waits for its answer. */
const ANSWER_GRACE_MS = 3_000;
/** How long the collector may take for what it must do while no fault is going on: acknowledge, and deliver all. */
const PATIENCE_MS = 120_000;
/** Senders who are told that the journal is full wait this long at most: as long as it may stay full unseen. */
const NO_ROOM_PAUSE_MS = 2_500;
/** What the stream stored last is reported by then. */
const LAST_REPORTS_MS = 500;

export interface StormOptions extends Omit<TargetOptions, "seed" | "oracle" | "onStored"> {
  readonly plan: Plan;
  readonly faults: readonly Fault[];
  readonly onProgress: (progress: Progress) => void;
  /** How long to wait for what must come while no fault is going on. Default: two minutes. */
  readonly patienceMs?: number;
  /** Ends the storm early, with its report. */
  readonly end: AbortSignal;
  /** Gives it up: everything is stopped at once, and there is no report. */
  readonly giveUp: AbortSignal;
}

/** How far a storm is. */
export interface Progress {
  readonly step: "calm" | "storm" | "delivering" | "comparing";
  readonly seconds: number;
  readonly sent: number;
  /** Acknowledged, and not in the stream yet. */
  readonly owed: number;
  /** Names of the faults that are going on. */
  readonly active: readonly string[];
  /** Kinds of promises that were broken so far. */
  readonly violations: number;
}

/** Runs a storm to its end, and judges it. Rejects when there could be none, such as when the collector does not start. */
export async function runStorm(options: StormOptions): Promise<StormReport> {
  const oracle = new Oracle();
  const recoveries = new Recoveries();
  await using targets = await openTargets({
    ...options,
    seed: options.plan.seed,
    oracle,
    onStored: (seq, atMs) => recoveries.onStored(seq, atMs),
  });
  const times = new AckTimes();
  const noRoom = new Stretches(NO_ROOM_PAUSE_MS);
  const load = new Load({
    port: targets.collector.port,
    key: targets.key,
    rate: options.rate,
    seed: options.plan.seed,
    oracle,
    times,
    answerMs: targets.ackTimeoutMs + ANSWER_GRACE_MS,
    onAck: (sentMs, ackedMs) => recoveries.onAck(sentMs, ackedMs),
    onNoRoom: (atMs) => noRoom.add(atMs),
  });
  const judged = async (): Promise<StormReport> => {
    // Before the storm's own time begins, so that a slow machine does not shorten it.
    await checkAcknowledges("before the first fault", load, oracle, options, options.end);
    return new Storm({ options, targets, recoveries, times, load, noRoom }).run();
  };
  try {
    return await Promise.race([judged(), givenUp(options.giveUp)]);
  } finally {
    load.abandon();
  }
}

/** Each level must be had while no fault is going on. Who never acknowledges breaks no other promise. */
async function checkAcknowledges(
  when: string,
  load: Load,
  oracle: Oracle,
  { giveUp, patienceMs = PATIENCE_MS }: StormOptions,
  end = giveUp,
): Promise<void> {
  const levels = await load.levelsNotAcknowledged(AbortSignal.any([AbortSignal.timeout(patienceMs), giveUp, end]));
  if (end.aborted) return;
  for (const level of levels)
    oracle.violation("nothing_acknowledged", `none at ${level} ${when}, for ${patienceMs / 1_000} s`);
}

/** Rejects once the signal comes, or if it has come. */
async function givenUp(signal: AbortSignal): Promise<never> {
  if (!signal.aborted) await once(signal, "abort");
  throw new Error("the storm was given up");
}

class Storm {
  readonly #options: StormOptions;
  readonly #targets: Targets;
  readonly #recoveries: Recoveries;
  readonly #times: AckTimes;
  readonly #startMs = sharedClockMs();
  readonly #load: Load;
  readonly #noRoom: Stretches;
  readonly #runner: FaultRunner;
  readonly #end: AbortSignal;
  #step: Progress["step"] = "calm";

  constructor(parts: {
    readonly options: StormOptions;
    readonly targets: Targets;
    readonly recoveries: Recoveries;
    readonly times: AckTimes;
    readonly load: Load;
    readonly noRoom: Stretches;
  }) {
    const { options, targets, recoveries } = parts;
    const { plan, faults } = options;
    const { oracle } = targets;
    this.#options = options;
    this.#targets = targets;
    this.#recoveries = recoveries;
    this.#times = parts.times;
    this.#load = parts.load;
    this.#noRoom = parts.noRoom;
    this.#end = AbortSignal.any([options.end, AbortSignal.timeout(plan.endMs)]);
    this.#runner = new FaultRunner({
      faults,
      targets,
      startMs: this.#startMs,
      end: this.#end,
      onOver: (fault) => recoveries.begin(fault, sharedClockMs(), oracle.owed),
      onFailed: (what) => oracle.violation("misbehaved", what),
    });
  }

  async run(): Promise<StormReport> {
    const { collector, oracle, filesDir } = this.#targets;
    using monitor = new Monitor(collector, () => oracle.violation("ledger_disagrees", "it did not balance meanwhile"));
    const progress = setInterval(() => this.#progress(), PROGRESS_EVERY_MS);
    try {
      this.#load.start();
      const faultsOver = this.#runner.run(this.#options.plan);
      if (!this.#end.aborted) await once(this.#end, "abort");
      await faultsOver;
      const endMs = sharedClockMs();
      this.#step = "delivering";
      const unanswered = await this.#load.stop(this.#patienceMs);
      if (unanswered > 0) {
        const what = `${unanswered} requests that were sent again and again, ${this.#patienceMs / 1_000} s after the last fault`;
        oracle.violation("nothing_acknowledged", what, unanswered);
      }
      await checkAcknowledges("after the last fault", this.#load, oracle, this.#options);
      const ledger = await this.#deliveredLedger();
      const drainedMs = ledger === undefined ? undefined : sharedClockMs() - endMs;
      const { exitCode, receivedNotKept } = await collector.stop();
      this.#step = "comparing";
      await delay(LAST_REPORTS_MS);
      for await (const sighting of storedInFiles(filesDir)) oracle.stored(oracle.files, sighting, endMs, true);
      return this.#report({ monitor, ledger, endMs, drainedMs, receivedNotKept, exitCode });
    } finally {
      clearInterval(progress);
    }
  }

  get #patienceMs(): number {
    return this.#options.patienceMs ?? PATIENCE_MS;
  }

  #progress(): void {
    const { plan, onProgress } = this.#options;
    const { sent, owed, violations } = this.#targets.oracle;
    const ms = sharedClockMs() - this.#startMs;
    if (this.#step === "calm" && ms >= plan.calmMs) {
      this.#step = "storm";
      this.#times.phase = "storm";
    }
    const { active } = this.#runner;
    onProgress({ step: this.#step, seconds: ms / 1_000, sent, owed: owed.size, active, violations: violations.size });
  }

  /** Waits until no sink holds anything, and resolves with the ledger of that moment; without one after too long a time. */
  async #deliveredLedger(): Promise<LedgerReply | undefined> {
    const { collector, oracle } = this.#targets;
    const deadline = sharedClockMs() + this.#patienceMs;
    let held = "the ledger cannot be read";
    while (sharedClockMs() < deadline) {
      await delay(250);
      try {
        const ledger = await collector.ledger();
        const holding = ledger.rows.filter((row) => row.held > 0);
        // A worker that does not answer is in the ledger with what it was known to have before.
        const absent = (await collector.workers()).filter(({ state }) => state === "starting" || state === "waiting");
        if (holding.length === 0 && absent.length === 0) return ledger;
        held = [
          ...holding.map((row) => `${row.held} held for ${row.sink}`),
          ...absent.map(({ slot, state }) => `worker ${slot} is ${state}`),
        ].join(", ");
      } catch {
        // It is starting.
      }
    }
    oracle.violation("not_delivered", `after ${this.#patienceMs / 1_000} s: ${held}`);
    return undefined;
  }

  #report(found: {
    readonly monitor: Monitor;
    readonly ledger: LedgerReply | undefined;
    readonly endMs: number;
    readonly drainedMs: number | undefined;
    readonly receivedNotKept: number | undefined;
    readonly exitCode: number | string | null;
  }): StormReport {
    const { plan, workers, end } = this.#options;
    const { oracle, collector, journalDisk } = this.#targets;
    const { monitor, ledger } = found;
    const refused = this.#noRoom.all.map((stretch) => ({ kind: "refused" as const, ...stretch }));
    const verdict = judge(oracle, [...this.#runner.excuses, ...refused]);
    if (ledger !== undefined) compareLedger(oracle, ledger, SOURCE);
    const { longestSilence, all } = this.#recoveries;
    const violations = [...oracle.violations].map(([kind, violation]) => [
      kind,
      { meaning: VIOLATIONS[kind], ...violation },
    ]);
    return {
      // Without a fault nothing was shown.
      passed: violations.length === 0 && Object.keys(this.#runner.counts()).length > 0,
      violations: Object.fromEntries(violations),
      seed: plan.seed,
      seconds: Math.round(found.endMs - this.#startMs) / 1_000,
      endedEarly: end.aborted,
      workers,
      journalDisk: journalDisk.description,
      events: {
        sent: oracle.sent,
        invalidSent: this.#load.invalidSent,
        acknowledged: verdict.acknowledged,
        lost: verdict.lost,
        stored: Object.fromEntries(oracle.sinks.map(({ name, places }) => [name, places])),
        quarantined: ledger?.quarantined[SOURCE] ?? 0,
      },
      requests: { refused: Object.fromEntries(this.#load.refused), unanswered: this.#load.unanswered },
      duplicates: verdict.duplicates,
      ledger: {
        agrees: ledger !== undefined && !oracle.violations.has("ledger_disagrees"),
        accepted: ledger?.accepted[SOURCE] ?? 0,
      },
      faults: { kinds: this.#runner.counts(), runs: this.#runner.runs },
      recovery: {
        longestSilence: { ...longestSilence, fromMs: longestSilence.fromMs - this.#startMs },
        longest: longestByFault(all),
        finalDrainMs: found.drainedMs,
      },
      starts: { supervisor: collector.starts, workerRestartsSeen: monitor.workerRestarts },
      exitCode: found.exitCode,
      receivedNotKept: found.receivedNotKept,
      peakRssBytes: monitor.peakRssBytes,
      ackTimes: this.#times.summary(),
    };
  }
}
