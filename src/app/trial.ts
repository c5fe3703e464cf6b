import fs from "node:fs";
import { join } from "node:path";
import type { Position } from "../core/event.ts";

/** An event that a worker had under way for a sink. */
export interface Attempt {
  readonly sink: string;
  readonly position: Position;
}

/**
 * The time in which one sink runs alone, with one event at a time: a crash within it can be
 * the doing of no other sink. Which event is under way is written down, for whoever comes after.
 */
export class Trial {
  readonly sink: string;
  readonly #path: string;
  #hasTried = false;
  #isOver = false;

  constructor(sink: string, slotDirectory: string) {
    this.sink = sink;
    this.#path = attemptPath(slotDirectory);
  }

  /** Takes the attempt during which the worker before died, if it was one of a trial. */
  static takeAttempt(slotDirectory: string): Attempt | undefined {
    const path = attemptPath(slotDirectory);
    try {
      const text = fs.readFileSync(path, "utf8");
      fs.rmSync(path, { force: true });
      return attemptIn(JSON.parse(text));
    } catch {
      return undefined;
    }
  }

  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether an event was tried. */
  get hasTried(): boolean {
    return this.#hasTried;
  }

  /** Synchronous, since the process may be gone a moment later. It survives that without a sync: the kernel has it. */
  note(position: Position): void {
    if (this.#isOver) return;
    this.#hasTried = true;
    try {
      fs.writeFileSync(this.#path, JSON.stringify({ sink: this.sink, position }), { mode: 0o640 });
    } catch {
      // A full disk: the event is tried all the same, and found the next time that there is room.
    }
  }

  /** What happens from now on says nothing about the event that was tried last. */
  end(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    try {
      fs.rmSync(this.#path, { force: true });
    } catch {
      // It may be blamed for a crash of another. Only two in a row do harm.
    }
  }
}

function attemptPath(slotDirectory: string): string {
  return join(slotDirectory, "attempt.json");
}

function attemptIn(attempt: unknown): Attempt | undefined {
  if (typeof attempt !== "object" || attempt === null || !("sink" in attempt) || !("position" in attempt))
    return undefined;
  const { sink, position } = attempt;
  return typeof sink === "string" && typeof position === "number" ? { sink, position } : undefined;
}
