/** The copy of an event that is in the journal. */
export interface StoredCopy {
  /** Monotonic time. */
  readonly atMs: number;
  /** Whether it was synced to the disk before it was answered for. */
  readonly synced: boolean;
}

export interface RecentIdsLimits {
  /** How long an id is remembered. */
  readonly windowMs: number;
  /** How many are; past it the oldest is forgotten. */
  readonly maxIds: number;
}

/**
 * The ids of events that were stored not long ago. It reads no clock.
 *
 * Invariant: it knows exactly the last `maxIds` of the ids that were stored within `windowMs`.
 */
export class RecentIds {
  // In the order in which they were stored.
  readonly #copies = new Map<string, StoredCopy>();
  readonly #limits: RecentIdsLimits;

  /** @param earlier what is known under other limits */
  constructor(limits: RecentIdsLimits, earlier?: RecentIds) {
    this.#limits = limits;
    for (const [id, copy] of earlier === undefined ? [] : earlier.#copies) this.#remember(id, copy);
  }

  get size(): number {
    return this.#copies.size;
  }

  find(id: string, nowMs: number): StoredCopy | undefined {
    const copy = this.#copies.get(id);
    return copy === undefined || nowMs - copy.atMs >= this.#limits.windowMs ? undefined : copy;
  }

  stored(id: string, copy: StoredCopy): void {
    for (const [oldest, { atMs }] of this.#copies) {
      if (copy.atMs - atMs < this.#limits.windowMs) break;
      this.#copies.delete(oldest);
    }
    this.#remember(id, copy);
  }

  #remember(id: string, copy: StoredCopy): void {
    // Deleted first, so that it moves to the end.
    this.#copies.delete(id);
    this.#copies.set(id, copy);
    if (this.#copies.size <= this.#limits.maxIds) return;
    for (const oldest of this.#copies.keys()) {
      this.#copies.delete(oldest);
      return;
    }
  }
}
