import type { ClientNetwork } from "./client-ip.ts";
import { emptyAfter, emptyUnder, type QuotaLimits, waitMs } from "./quota.ts";

/** Each client has a bucket in each row. */
const ROWS = 3;
const BUCKET_BITS = 16;
const BUCKETS = 2 ** BUCKET_BITS;
const GROUPS = 4;

/**
 * A quota for each client address, in memory that does not grow: 1.5 MiB, of which the
 * system gives what is touched.
 *
 * An exact table would have to forget clients when it is full, and whoever has many
 * addresses could have it forget what he owes. So nothing is kept by address: a row of
 * buckets is shared by all, an address leads to one bucket in each of three rows, and a
 * client may send when any of its three has a token. (A count-min sketch with
 * conservative update, of token buckets instead of counters.)
 *
 * Invariant: no client gets more than its quota, whoever else there is. Each of its
 * buckets has been charged at least what it sent.
 *
 * The error is on the other side: a client waits for others when they have emptied all
 * three of its buckets. With `n` addresses at their limit that meets (n / 65,536)³ of
 * the others: 4 in a million for a thousand, 1 in 280 for ten thousand. The source's
 * own quota bounds `n`, since what it refuses is not charged. Which addresses share a
 * bucket is drawn at random in each process, so nobody can aim at another one's.
 */
export class ClientQuotas {
  readonly limits: QuotaLimits;
  /** When each bucket is empty, from `#originMs`: the zeros that a new array is made of are full buckets. */
  readonly #emptyAt: Float64Array;
  readonly #originMs: number;
  readonly #factors: Int32Array;

  private constructor(limits: QuotaLimits, emptyAt: Float64Array, originMs: number, factors: Int32Array) {
    this.limits = limits;
    this.#emptyAt = emptyAt;
    this.#originMs = originMs;
    this.#factors = factors;
  }

  /** @param random 0 to below 1: spreads the addresses over the buckets */
  static create(limits: QuotaLimits, nowMs: number, random: () => number): ClientQuotas {
    const factors = Int32Array.from({ length: ROWS * (GROUPS + 1) }, () => random() * 2 ** 32);
    return new ClientQuotas(limits, new Float64Array(ROWS * BUCKETS), originOf(limits, nowMs), factors);
  }

  /** The same clients under new limits, with what they have used. */
  under(limits: QuotaLimits, nowMs: number): ClientQuotas {
    const originMs = originOf(limits, nowMs);
    const emptyAt = this.#emptyAt.map((at) =>
      Math.max(0, emptyUnder(limits, this.#originMs + at, this.limits, nowMs) - originMs),
    );
    return new ClientQuotas(limits, emptyAt, originMs, this.#factors);
  }

  /** How long until a request of this client is admitted, in milliseconds; 0: now. */
  waitMs(client: ClientNetwork, nowMs: number): number {
    return waitMs(this.#originMs + this.#least(client), this.limits, nowMs);
  }

  /** Charges no bucket more than keeps the invariant, so that those who share it wait as little as may be. */
  charge(client: ClientNetwork, events: number, nowMs: number): void {
    const emptyAtMs = emptyAfter(this.#originMs + this.#least(client), this.limits, events, nowMs);
    for (let row = 0; row < ROWS; row++) {
      const bucket = this.#bucket(row, client);
      this.#emptyAt[bucket] = Math.max(this.#emptyAt[bucket] ?? 0, emptyAtMs - this.#originMs);
    }
  }

  #least(client: ClientNetwork): number {
    let least = Number.POSITIVE_INFINITY;
    for (let row = 0; row < ROWS; row++) least = Math.min(least, this.#emptyAt[this.#bucket(row, client)] ?? 0);
    return least;
  }

  /**
   * Pairs of addresses share a bucket of a row with a chance of 1 in 65,536, whatever they
   * are: vector multiply-shift is strongly universal for words and results of 16 bits in
   * 32-bit arithmetic (Thorup, "High Speed Hashing for Integers and Strings", 3.5).
   */
  #bucket(row: number, client: ClientNetwork): number {
    const first = row * (GROUPS + 1);
    let sum = this.#factors[first + GROUPS] ?? 0;
    for (let group = 0; group < GROUPS; group++) {
      sum = (sum + Math.imul(this.#factors[first + group] ?? 0, client[group] ?? 0)) | 0;
    }
    return row * BUCKETS + (sum >>> (32 - BUCKET_BITS));
  }
}

/** A bucket that is empty at this time is full now. */
function originOf(limits: QuotaLimits, nowMs: number): number {
  return emptyAfter(Number.NEGATIVE_INFINITY, limits, 0, nowMs);
}
