const EVERY_MS = 60_000;

/** Lets a log line through at once and then at most one a minute, counting what happened in between. */
export class ThrottledLog {
  readonly #write: (occurrences: number) => void;
  #nextMs = Number.NEGATIVE_INFINITY;
  #occurrences = 0;

  constructor(write: (occurrences: number) => void) {
    this.#write = write;
  }

  add(occurrences: number, nowMs: number): void {
    this.#occurrences += occurrences;
    if (nowMs < this.#nextMs) return;
    this.#nextMs = nowMs + EVERY_MS;
    this.#write(this.#occurrences);
    this.#occurrences = 0;
  }
}
