import { setTimeout as delay } from "node:timers/promises";
import { seededRandom } from "../core/seeded-random.ts";
import type { BegunFault, Fault, Lane } from "./fault.ts";
import type { Plan, PlannedFault } from "./plan.ts";
import type { FaultRun } from "./report.ts";
import { sharedClockMs } from "./shared-clock.ts";
import type { Targets } from "./targets.ts";
import type { Excuse } from "./verdict.ts";

/** An answer of the stream that is under way when its fault ends may still be lost. */
const SINK_LINGERS_MS = 2_000;

/** Makes the faults of a plan happen, each at its time, and on each lane one after the other. */
export class FaultRunner {
  readonly runs: FaultRun[] = [];
  readonly excuses: Excuse[] = [];
  readonly #faults: ReadonlyMap<string, Fault>;
  readonly #targets: Targets;
  readonly #startMs: number;
  readonly #end: AbortSignal;
  readonly #onOver: (fault: string) => void;
  readonly #onFailed: (what: string) => void;

  /**
   * @param options.end ends the faults that are going on; those that have not begun are skipped
   * @param options.onOver the harm of a fault is done: from now on things can recover
   * @param options.onFailed a fault could not begin or end, such as when the collector does not come back
   */
  constructor(options: {
    faults: readonly Fault[];
    targets: Targets;
    startMs: number;
    end: AbortSignal;
    onOver: (fault: string) => void;
    onFailed: (what: string) => void;
  }) {
    this.#faults = new Map(options.faults.map((fault) => [fault.name, fault]));
    this.#targets = options.targets;
    this.#startMs = options.startMs;
    this.#end = options.end;
    this.#onOver = options.onOver;
    this.#onFailed = options.onFailed;
  }

  /** Names of the faults that are going on. */
  get active(): readonly string[] {
    return this.runs
      .filter(({ beganMs, endedMs }) => beganMs !== undefined && endedMs === undefined)
      .map(({ name }) => name);
  }

  /** How often each fault came. */
  counts(): Record<string, number> {
    const counts: Record<string, number> = {};
    for (const { name, beganMs } of this.runs) if (beganMs !== undefined) counts[name] = (counts[name] ?? 0) + 1;
    return counts;
  }

  /** Resolves when all faults are over. */
  async run(plan: Plan): Promise<void> {
    const lanes = new Map<Lane, Promise<void>>();
    for (const planned of plan.faults) {
      const fault = this.#faults.get(planned.name);
      if (fault === undefined) throw new Error(`there is no fault ${planned.name}`);
      const before = Promise.all(fault.lanes.map((lane) => lanes.get(lane) ?? Promise.resolve()));
      const done = before.then(() => this.#runOne(planned, fault));
      for (const lane of fault.lanes) lanes.set(lane, done);
    }
    await Promise.all(lanes.values());
  }

  async #runOne(planned: PlannedFault, fault: Fault): Promise<void> {
    const run: FaultRun = { ...planned };
    this.runs.push(run);
    await this.#wait(this.#startMs + planned.atMs - sharedClockMs());
    if (this.#end.aborted) {
      run.skipped = "the storm ended first";
      return;
    }
    const fromMs = sharedClockMs();
    run.beganMs = fromMs - this.#startMs;
    if (fault.isBlow === true) this.#onOver(fault.name);
    let begun: BegunFault | undefined;
    try {
      begun = await fault.begin(this.#targets, seededRandom(planned.seed));
      await this.#wait(fromMs + planned.lengthMs - sharedClockMs());
      await begun.end?.();
      run.detail = begun.detail;
    } catch (error) {
      // The storm goes on, and its report tells of it.
      const reason = error instanceof Error ? error.message : String(error);
      run.failed = reason;
      this.#onFailed(`${fault.name}: ${reason}`);
    }
    const toMs = sharedClockMs();
    run.endedMs = toMs - this.#startMs;
    this.#excuse(fault, fromMs, toMs);
    // Not until all is well again: what is acknowledged after the death is of others, who have no excuse.
    const endMs = begun?.workerEndMs;
    if (endMs !== undefined) this.excuses.push({ kind: "worker_end", fromMs: endMs, toMs: endMs });
    if (fault.isBlow !== true) this.#onOver(fault.name);
  }

  #excuse({ lanes, losesReceived }: Fault, fromMs: number, toMs: number): void {
    if (lanes.includes("process")) this.excuses.push({ kind: "process", fromMs, toMs });
    if (lanes.includes("sink")) this.excuses.push({ kind: "sink", fromMs, toMs: toMs + SINK_LINGERS_MS });
    if (losesReceived === true) this.excuses.push({ kind: "disk", fromMs, toMs });
  }

  async #wait(ms: number): Promise<void> {
    // It rejects when the storm ends, which is what it waits for too.
    if (ms > 0 && !this.#end.aborted) await delay(Math.ceil(ms), undefined, { signal: this.#end }).catch(() => {});
  }
}
