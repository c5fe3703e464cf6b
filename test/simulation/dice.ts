import { seededRandom } from "../../src/core/seeded-random.ts";

/** Draws from one seed. Each actor has dice of its own, so that what one does moves nobody else's. */
export class Dice {
  readonly next: () => number;

  constructor(seed: number, actor: string) {
    let mixed = seed >>> 0;
    for (let at = 0; at < actor.length; at++) mixed = Math.imul(mixed ^ actor.charCodeAt(at), 0x01000193);
    this.next = seededRandom(mixed);
  }

  /** A whole number from `min` up to and including `max`. */
  between(min: number, max: number): number {
    return min + Math.floor(this.next() * (max - min + 1));
  }

  /** True so often of all times. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  pick<T>(from: readonly T[]): T {
    const picked = from[Math.floor(this.next() * from.length)];
    if (picked === undefined) throw new Error("there is nothing to pick from");
    return picked;
  }

  /** Mostly near `min`, seldom near `max`: sizes and delays are like that. */
  skewed(min: number, max: number): number {
    return min + Math.floor(this.next() ** 3 * (max - min + 1));
  }
}
