import type { Logger } from "pino";
import { slotDirectory } from "../journal/slot-directory.ts";
import type { PipelineOptions } from "../pipeline/pipeline-options.ts";
import { ALL_PARTS } from "../supervisor/crash-record.ts";
import { Trial } from "./trial.ts";
import { TrialRecord } from "./trial-record.ts";

type PipelineCaution = Pick<PipelineOptions, "caution" | "setAside">;

/** How carefully a pipeline goes on after so many crashes without progress; the first may be chance. */
const STEPS: readonly (PipelineOptions["caution"] | undefined)[] = [
  undefined,
  undefined,
  // Until as many events are past as may have been under way in the step before: 262,144 without caution.
  { window: 256, events: 262_144 },
  { window: 1, events: 256 },
];

/**
 * How carefully a worker goes on after earlier ones of its slot died of their own fault while
 * a sink got no further. An event can do that: one that a sink cannot encode without running
 * out of memory, say. Each such crash lets fewer events be under way for the sink at a time,
 * down to one.
 *
 * A sink that got no further may just as well be down while the event of another one kills the
 * worker. So those that are down to one event take turns, one in each life: it is on trial, and
 * begins alone, while all other sinks wait. An event during whose trials the worker died twice
 * is set aside as a dead letter, and delivery goes on after it. With `n` such sinks it is found
 * within `2n` crashes.
 *
 * Invariant: only an event that was alone under way in both lives, of all sinks, is set aside.
 */
export class Caution {
  /** The sink that begins alone; `undefined`: none does. */
  readonly trial: Trial | undefined;
  readonly #crashes: ReadonlyMap<string, number>;
  readonly #record: TrialRecord | undefined;

  private constructor(crashes: ReadonlyMap<string, number>, record?: TrialRecord, trial?: Trial) {
    this.#crashes = crashes;
    this.#record = record;
    this.trial = trial;
  }

  /** None: nothing has crashed. */
  static none(): Caution {
    return new Caution(new Map());
  }

  /**
   * @param crashes deaths of the worker's own fault since each sink last got any further
   * @param slot.sinks the sinks of the configuration
   */
  static after(
    crashes: Readonly<Record<string, number>>,
    slot: { config: { readonly dir: string }; slot: string; sinks: readonly string[]; log: Logger },
  ): Caution {
    const { log, sinks } = slot;
    const directory = slotDirectory(slot.config, slot.slot);
    const bySink = new Map(Object.entries(crashes));
    if ([...bySink.values()].some((count) => stepAfter(count) !== undefined)) {
      log.warn({ crashes }, "crashed repeatedly while these sinks got no further; they go on in small steps");
    }
    const suspects = sinks.filter((sink) => stepAfter(crashesOf(bySink, sink))?.window === 1);
    const record = TrialRecord.after(directory, suspects, Trial.takeAttempt(directory));
    for (const sink of suspects) {
      for (const position of record.proven(sink))
        log.error(
          { sink, position },
          "this event crashed the worker again and again: it is set aside as a dead letter",
        );
    }
    const trial = record.onTrial === undefined ? undefined : new Trial(record.onTrial, directory);
    return new Caution(bySink, record, trial);
  }

  /** What the pipeline of a sink is to mind. */
  of(sink: string): PipelineCaution {
    const step = stepAfter(crashesOf(this.#crashes, sink));
    if (step === undefined) return {};
    const { trial } = this;
    const proven = this.#record?.proven(sink) ?? [];
    return {
      caution: trial?.sink === sink ? { ...step, onAttempt: (position) => trial.note(position) } : step,
      ...(proven.length > 0 && { setAside: new Set(proven) }),
    };
  }
}

/** Those while the sink got no further, or while nobody could tell. */
function crashesOf(crashes: ReadonlyMap<string, number>, sink: string): number {
  return crashes.get(sink) ?? crashes.get(ALL_PARTS) ?? 0;
}

function stepAfter(crashes: number): PipelineOptions["caution"] | undefined {
  return STEPS[Math.min(crashes, STEPS.length - 1)];
}
