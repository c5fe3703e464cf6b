import fs from "node:fs";
import { join } from "node:path";
import type { Logger } from "pino";
import type { Position } from "../core/event.ts";
import type { Ledger } from "../core/ledger.ts";
import { slotDirectory } from "../journal/slot-directory.ts";
import type { PipelineOptions } from "../pipeline/pipeline.ts";

type PipelineCaution = Pick<PipelineOptions, "caution" | "setAside">;

/** Events a pipeline handles at a time after so many crashes without progress; the first may be chance. */
const WINDOW_AFTER_CRASHES = [undefined, undefined, 1_024, 32, 1];

/** Events that may have been under way before any caution: what a pipeline reads at most. */
const FULL_WINDOW = 262_144;

interface Attempt {
  readonly sink: string;
  readonly position: Position;
}

/**
 * How carefully a worker goes on after earlier ones of its slot died of their own fault at
 * the same place. An event can do that: one that a sink cannot encode without running out
 * of memory, say. Each crash without progress lets fewer events be under way at a time, down
 * to one, which is written down before it is tried. When that one is crashed at too, it is
 * set aside as a dead letter, and delivery goes on after it.
 *
 * Invariant: only an event that was alone under way for its sink when the worker died is set aside.
 */
export class Caution {
  readonly #window: number | undefined;
  readonly #onAttempt: (attempt: Attempt) => void;
  readonly #setAside: Attempt | undefined;
  /** Where each sink was when the worker started. */
  readonly #cursors: ReadonlyMap<string, Position>;

  private constructor(
    window: number | undefined,
    onAttempt: (attempt: Attempt) => void,
    setAside: Attempt | undefined,
    cursors: ReadonlyMap<string, Position>,
  ) {
    this.#window = window;
    this.#onAttempt = onAttempt;
    this.#setAside = setAside;
    this.#cursors = cursors;
  }

  /** None: nothing has crashed. */
  static none(): Caution {
    return new Caution(undefined, () => {}, undefined, new Map());
  }

  /** @param crashes deaths of the worker's own fault since the slot last got any further */
  static after(
    crashes: number,
    { config, slot, ledger, log }: { config: { dir: string }; slot: string; ledger: Ledger; log: Logger },
  ): Caution {
    const window = WINDOW_AFTER_CRASHES[Math.min(crashes, WINDOW_AFTER_CRASHES.length - 1)];
    const path = join(slotDirectory(config, slot), "attempt.json");
    const cursors = new Map(ledger.sinks.map((sink) => [sink, ledger.cursor(sink)]));
    if (window !== 1) {
      fs.rmSync(path, { force: true });
      if (window !== undefined)
        log.warn({ crashes, window }, "crashed repeatedly at the same place; going on in small steps");
      return new Caution(window, () => {}, undefined, cursors);
    }
    const tried = readAttempt(path);
    if (tried === undefined)
      log.warn({ crashes }, "crashed repeatedly at the same place; going on one event at a time");
    else log.error({ ...tried }, "this event crashed the worker again and again, and is set aside in the dead letters");
    return new Caution(1, (attempt) => writeAttempt(path, attempt), tried, cursors);
  }

  /** What the pipeline of a sink is to mind. */
  of(sink: string): PipelineCaution {
    const window = this.#window;
    if (window === undefined) return {};
    const cursor = this.#cursors.get(sink) ?? 0;
    const before = WINDOW_AFTER_CRASHES[WINDOW_AFTER_CRASHES.indexOf(window) - 1] ?? FULL_WINDOW;
    return {
      caution: {
        window,
        until: cursor + before,
        ...(window === 1 && { onAttempt: (position: Position) => this.#onAttempt({ sink, position }) }),
      },
      ...(this.#setAside?.sink === sink && { setAside: new Set([this.#setAside.position]) }),
    };
  }
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
