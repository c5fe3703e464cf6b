/** How often each number was seen, up to 255 times: a byte a number, so that millions fit. */
export class Tally {
  #times = new Uint8Array(1 << 16);
  /** Different numbers seen. */
  distinct = 0;

  /** Returns how often it had been seen before. */
  add(number: number): number {
    if (number >= this.#times.length) {
      const grown = new Uint8Array(2 ** Math.ceil(Math.log2(number + 1)));
      grown.set(this.#times);
      this.#times = grown;
    }
    const before = this.#times[number] ?? 0;
    if (before === 0) this.distinct++;
    if (before < 255) this.#times[number] = before + 1;
    return before;
  }

  /** A byte for each number; what is beyond its end was never seen. */
  get bytes(): Uint8Array {
    return this.#times;
  }
}

/** What became of the events that were acknowledged. */
export interface Balance {
  readonly acknowledged: number;
  /** Acknowledged and never stored. */
  readonly lost: number;
  /** Copies stored beyond the first, of any event. */
  readonly doubled: number;
}

export function balance(acknowledged: Uint8Array, stored: Uint8Array): Balance {
  let [known, lost, doubled] = [0, 0, 0];
  for (let number = 0; number < Math.max(acknowledged.length, stored.length); number++) {
    const times = stored[number] ?? 0;
    if (times > 1) doubled += times - 1;
    if ((acknowledged[number] ?? 0) === 0) continue;
    known++;
    if (times === 0) lost++;
  }
  return { acknowledged: known, lost, doubled };
}
