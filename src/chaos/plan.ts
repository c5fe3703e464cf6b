import { seededRandom } from "../core/seeded-random.ts";
import type { Fault, Lane } from "./fault.ts";

/** A fault with its time in the storm. */
export interface PlannedFault {
  /** Its place in the plan, from 1. */
  readonly number: number;
  readonly name: string;
  /** From the start of the storm, in milliseconds. */
  readonly atMs: number;
  readonly lengthMs: number;
  /** Decides what is left to decide when it begins, such as which worker. */
  readonly seed: number;
}

export interface Plan {
  readonly seed: number;
  /** At the start nothing goes wrong for this long, to have something to compare with. */
  readonly calmMs: number;
  /** When the last fault has ended and the load stops. */
  readonly endMs: number;
  /** By time. */
  readonly faults: readonly PlannedFault[];
}

/** Pauses between two faults of a lane. */
const PAUSE_MS = [1_500, 6_000] as const;
const LONGEST_CALM_MS = 20_000;
const CALM_SHARE = 0.15;

interface Interval {
  readonly fromMs: number;
  readonly toMs: number;
}

/**
 * Draws which fault comes when. It follows from the seed, the length and the faults alone, so
 * a storm can be had again. Each lane deals its faults like a deck of cards: none comes again
 * before all of the lane have come as often as they weigh.
 */
export function drawPlan(options: { seed: number; lengthMs: number; faults: readonly Fault[] }): Plan {
  const { seed, lengthMs, faults } = options;
  const calmMs = Math.min(LONGEST_CALM_MS, Math.round(lengthMs * CALM_SHARE));
  const taken = new Map<Lane, Interval[]>();
  const drawn: Omit<PlannedFault, "number">[] = [];
  // Lanes whose faults need other lanes too come first, and the others plan around them.
  const lanes = [
    ...new Set(faults.toSorted((a, b) => b.lanes.length - a.lanes.length).map(({ lanes: [lane] }) => lane)),
  ];
  for (const [index, lane] of lanes.entries()) {
    const random = seededRandom(seed * 31 + index);
    const deck = new Deck(
      faults.filter(({ lanes: [first] }) => first === lane),
      random,
    );
    let atMs = calmMs + between(random, [0, PAUSE_MS[0]]);
    while (atMs < lengthMs) {
      const fault = deck.draw();
      const faultMs = between(random, fault.lengthMs);
      atMs = firstFree(taken, fault.lanes, atMs, faultMs);
      if (atMs + faultMs > lengthMs) break;
      const interval = { fromMs: atMs, toMs: atMs + faultMs };
      for (const each of fault.lanes) taken.set(each, [...(taken.get(each) ?? []), interval]);
      drawn.push({ name: fault.name, atMs, lengthMs: faultMs, seed: Math.floor(random() * 2 ** 31) });
      atMs += faultMs + between(random, PAUSE_MS);
    }
  }
  drawn.sort((a, b) => a.atMs - b.atMs);
  return { seed, calmMs, endMs: lengthMs, faults: drawn.map((fault, index) => ({ number: index + 1, ...fault })) };
}

/** Deals the faults in a random order, each as often as it weighs, and shuffles again when all are dealt. */
class Deck {
  readonly #faults: readonly Fault[];
  readonly #random: () => number;
  #cards: Fault[] = [];

  constructor(faults: readonly Fault[], random: () => number) {
    this.#faults = faults;
    this.#random = random;
  }

  draw(): Fault {
    if (this.#cards.length === 0) {
      this.#cards = this.#faults.flatMap((fault) => Array.from({ length: Math.max(1, fault.weight) }, () => fault));
    }
    const [card] = this.#cards.splice(Math.floor(this.#random() * this.#cards.length), 1);
    if (card === undefined) throw new Error("a lane has at least one fault");
    return card;
  }
}

/** The first time from `atMs` on at which all the lanes are free for so long. */
function firstFree(
  taken: ReadonlyMap<Lane, readonly Interval[]>,
  lanes: readonly Lane[],
  atMs: number,
  forMs: number,
): number {
  const intervals = lanes.flatMap((lane) => taken.get(lane) ?? []).toSorted((a, b) => a.fromMs - b.fromMs);
  let startMs = atMs;
  for (const { fromMs, toMs } of intervals) {
    if (startMs < toMs && startMs + forMs > fromMs) startMs = toMs;
  }
  return startMs;
}

function between(random: () => number, [least, most]: readonly [number, number]): number {
  return Math.round(least + random() * (most - least));
}
