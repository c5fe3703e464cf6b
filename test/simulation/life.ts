import type { World } from "./world.ts";

export type Crash = "kill" | "power cut";

/**
 * One life of the collector's process. Once it has ended nothing that its code still does
 * has any effect: its timers do not fire, the disk ignores it, and what it sends goes nowhere.
 */
export class Life {
  readonly number: number;
  readonly #world: World;
  readonly #onCrash: (crash: Crash) => void;
  #alive = true;
  #armed: { operations: number; readonly crash: Crash; readonly isAfter: boolean } | undefined;
  /** Operations that the disk made fail in this life. */
  readonly diskErrors = new Set<string>();

  constructor(number: number, world: World, onCrash: (crash: Crash) => void) {
    this.number = number;
    this.#world = world;
    this.#onCrash = onCrash;
  }

  get alive(): boolean {
    return this.#alive;
  }

  /** Ends it `operations` disk operations from now, before or after the last of them has had its effect. */
  crashAfter(operations: number, crash: Crash, isAfter: boolean): void {
    this.#armed = { operations, crash, isAfter };
  }

  /** A disk operation begins. Returns whether this life ends before or after it, or not yet. */
  tick(): "before" | "after" | undefined {
    if (this.#armed === undefined || this.#armed.operations-- > 0) return undefined;
    return this.#armed.isAfter ? "after" : "before";
  }

  crashAsArmed(): void {
    this.crash(this.#armed?.crash ?? "kill");
  }

  crash(crash: Crash): void {
    if (!this.#alive) return;
    this.#alive = false;
    this.#world.count(`crash: ${crash}`);
    this.#world.trace.add("CRASH", crash, `life ${this.number}`);
    this.#onCrash(crash);
  }

  /** Ends in good order. */
  end(): void {
    this.#alive = false;
  }
}
