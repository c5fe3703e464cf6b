/** A stretch of time. */
export interface Stretch {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Puts moments that come in order together to stretches, in which they are at most `pauseMs` apart. */
export class Stretches {
  readonly #pauseMs: number;
  readonly #all: { fromMs: number; toMs: number }[] = [];

  constructor(pauseMs: number) {
    this.#pauseMs = pauseMs;
  }

  get all(): readonly Stretch[] {
    return this.#all;
  }

  add(atMs: number): void {
    const last = this.#all.at(-1);
    if (last !== undefined && atMs - last.toMs <= this.#pauseMs) last.toMs = atMs;
    else this.#all.push({ fromMs: atMs, toMs: atMs });
  }
}
