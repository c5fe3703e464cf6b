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

interface Entry extends StoredCopy {
  readonly id: string;
  older: Entry | undefined;
  newer: Entry | undefined;
}

/**
 * The ids of events that were stored not long ago. It reads no clock.
 *
 * Invariant: it knows exactly the last `maxIds` of the ids that were stored within `windowMs`.
 */
export class RecentIds {
  readonly #entries = new Map<string, Entry>();
  readonly #limits: RecentIdsLimits;
  // A list beside the map: a map whose oldest entries are deleted all the time is slow to tell its oldest.
  #oldest: Entry | undefined;
  #newest: Entry | undefined;

  /** @param earlier what is known under other limits */
  constructor(limits: RecentIdsLimits, earlier?: RecentIds) {
    this.#limits = limits;
    if (earlier === undefined) return;
    for (let entry = earlier.#oldest; entry !== undefined; entry = entry.newer) this.#remember(entry.id, entry);
  }

  get size(): number {
    return this.#entries.size;
  }

  find(id: string, nowMs: number): StoredCopy | undefined {
    const entry = this.#entries.get(id);
    return entry === undefined || this.#isPast(entry, nowMs) ? undefined : entry;
  }

  stored(id: string, copy: StoredCopy): void {
    while (this.#oldest !== undefined && this.#isPast(this.#oldest, copy.atMs)) this.#forget(this.#oldest);
    this.#remember(id, copy);
  }

  #isPast({ atMs }: StoredCopy, nowMs: number): boolean {
    return nowMs - atMs >= this.#limits.windowMs;
  }

  #remember(id: string, { atMs, synced }: StoredCopy): void {
    const known = this.#entries.get(id);
    if (known !== undefined) this.#forget(known);
    const entry: Entry = { id, atMs, synced, older: this.#newest, newer: undefined };
    if (this.#newest === undefined) this.#oldest = entry;
    else this.#newest.newer = entry;
    this.#newest = entry;
    this.#entries.set(id, entry);
    if (this.#entries.size > this.#limits.maxIds && this.#oldest !== undefined) this.#forget(this.#oldest);
  }

  #forget(entry: Entry): void {
    this.#entries.delete(entry.id);
    if (entry.older === undefined) this.#oldest = entry.newer;
    else entry.older.newer = entry.newer;
    if (entry.newer === undefined) this.#newest = entry.older;
    else entry.newer.older = entry.older;
  }
}
