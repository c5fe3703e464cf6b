/**
 * How many events a moving window holds: a ring of buckets, of which the newest is the one of
 * now. It reads no clock.
 *
 * Invariant: the total is that of the buckets in the ring. Their number decides how long the
 * window is: `buckets` of them reach back over more than `buckets - 1` widths and at most `buckets`.
 */
export class WindowCounts {
  readonly #ring: Float64Array;
  #newest: number | undefined;
  #total = 0;

  constructor(buckets: number) {
    this.#ring = new Float64Array(buckets);
  }

  /** False when the bucket is older than the window. One of the future counts as of now: clocks differ. */
  add(bucket: number, events: number, now: number): boolean {
    const newest = this.#moveTo(now);
    if (bucket <= newest - this.#ring.length) return false;
    const index = this.#indexOf(Math.min(bucket, newest));
    this.#ring[index] = (this.#ring[index] ?? 0) + events;
    this.#total += events;
    return true;
  }

  /** @param now number of the current bucket */
  total(now: number): number {
    this.#moveTo(now);
    return this.#total;
  }

  #indexOf(bucket: number): number {
    return ((bucket % this.#ring.length) + this.#ring.length) % this.#ring.length;
  }

  #moveTo(now: number): number {
    const size = this.#ring.length;
    // A clock that was set back by little makes the window stand still; by more than the window, it begins anew.
    if (this.#newest === undefined || now - this.#newest >= size || this.#newest - now >= size) {
      this.#ring.fill(0);
      this.#total = 0;
      this.#newest = now;
      return now;
    }
    let newest = this.#newest;
    while (newest < now) {
      newest++;
      const index = this.#indexOf(newest);
      this.#total -= this.#ring[index] ?? 0;
      this.#ring[index] = 0;
    }
    this.#newest = newest;
    return newest;
  }
}
