import fs from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Position } from "../core/event.ts";
import { slotDirectory } from "../journal/slot-directory.ts";
import type { PipelineOptions } from "../pipeline/pipeline.ts";
import { ALL_PARTS } from "../supervisor/crash-record.ts";

type PipelineCaution = Pick<PipelineOptions, "caution" | "setAside">;

/** How carefully a pipeline goes on after so many crashes without progress; the first may be chance. */
const STEPS: readonly (PipelineOptions["caution"] | undefined)[] = [
  undefined,
  undefined,
  // Until as many events are past as may have been under way in the step before: 262,144 without caution.
  { window: 256, events: 262_144 },
  { window: 1, events: 256 },
];

interface Attempt {
  readonly sink: string;
  readonly position: Position;
}

/**
 * How carefully a worker goes on after earlier ones of its slot died of their own fault while
 * a sink got no further. An event can do that: one that a sink cannot encode without running
 * out of memory, say. Each such crash lets fewer events be under way for the sink at a time,
 * down to one, which is written down before it is tried. When it was the last to be tried in
 * two lives that ended with a crash, it is set aside as a dead letter, and delivery goes on
 * after it.
 *
 * Invariant: only an event that was alone under way for its sink in both lives is set aside.
 */
export class Caution {
  readonly #crashes: ReadonlyMap<string, number>;
  readonly #setAside: Attempt | undefined;
  readonly #attemptPath: string;

  private constructor(crashes: ReadonlyMap<string, number>, setAside: Attempt | undefined, attemptPath: string) {
    this.#crashes = crashes;
    this.#setAside = setAside;
    this.#attemptPath = attemptPath;
  }

  /** None: nothing has crashed. */
  static none(): Caution {
    return new Caution(new Map(), undefined, "");
  }

  /** @param crashes deaths of the worker's own fault since each sink last got any further */
  static after(
    crashes: Readonly<Record<string, number>>,
    { config, slot, log }: { config: { readonly dir: string }; slot: string; log: Logger },
  ): Caution {
    const directory = slotDirectory(config, slot);
    const attemptPath = join(directory, "attempt.json");
    const suspectPath = join(directory, "suspect.json");
    const bySink = new Map(Object.entries(crashes));
    if ([...bySink.values()].some((count) => stepAfter(count) !== undefined)) {
      log.warn({ crashes }, "crashed repeatedly while these sinks got no further; they go on in small steps");
    }
    const tried = readAttempt(attemptPath);
    if (tried === undefined || stepAfter(crashesOf(bySink, tried.sink))?.window !== 1) {
      for (const path of [attemptPath, suspectPath]) fs.rmSync(path, { force: true });
      return new Caution(bySink, undefined, attemptPath);
    }
    const suspect = readAttempt(suspectPath);
    const isProven = suspect?.sink === tried.sink && suspect.position === tried.position;
    writeAttempt(suspectPath, tried);
    if (isProven)
      log.error({ ...tried }, "this event crashed the worker again and again: it is set aside as a dead letter");
    return new Caution(bySink, isProven ? tried : undefined, attemptPath);
  }

  /** What the pipeline of a sink is to mind. */
  of(sink: string): PipelineCaution {
    const step = stepAfter(crashesOf(this.#crashes, sink));
    if (step === undefined) return {};
    const onAttempt = (position: Position): void => writeAttempt(this.#attemptPath, { sink, position });
    return {
      caution: step.window === 1 ? { ...step, onAttempt } : step,
      ...(this.#setAside?.sink === sink && { setAside: new Set([this.#setAside.position]) }),
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

/** Synchronous, since the process may be gone a moment later. It survives that without a sync: the kernel has it. */
function writeAttempt(path: string, attempt: Attempt): void {
  try {
    fs.writeFileSync(path, JSON.stringify(attempt), { mode: 0o640 });
  } catch {
    // A full disk: the event is tried all the same, and found the next time that there is room.
  }
}

function readAttempt(path: string): Attempt | undefined {
  try {
    const attempt: unknown = JSON.parse(fs.readFileSync(path, "utf8"));
    if (typeof attempt !== "object" || attempt === null || !("sink" in attempt) || !("position" in attempt))
      return undefined;
    const { sink, position } = attempt;
    return typeof sink === "string" && typeof position === "number" ? { sink, position } : undefined;
  } catch {
    return undefined;
  }
}
