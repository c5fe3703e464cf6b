/** How much may be written and acknowledged without being synced: what a power cut may cost. */
export interface UnsyncedLimits {
  /** Age of the oldest such write. */
  readonly maxMs: number;
  readonly maxBytes: number;
}

interface Written {
  readonly bytes: number;
  /** When the first of it was written, by the monotonic clock. */
  readonly sinceMs: number;
}

/** A sync begins when this share of a limit is reached, so that it is done before the limit is. */
const SYNC_AT = 1 / 2;

/**
 * What was written and is not known to survive a power cut. Reads no clock.
 *
 * Writes are `fresh`, then `syncing` while a sync runs that covers them. When it fails they,
 * and those that came meanwhile, are `stranded`: no later sync reports on them, so only writing
 * them again makes them safe.
 */
export class Unsynced {
  readonly #limits: UnsyncedLimits;
  #fresh: Written | undefined;
  #syncing: Written | undefined;
  #stranded: Written | undefined;

  constructor(limits: UnsyncedLimits) {
    this.#limits = limits;
  }

  add(bytes: number, nowMs: number): void {
    this.#fresh = { bytes: bytes + (this.#fresh?.bytes ?? 0), sinceMs: this.#fresh?.sinceMs ?? nowMs };
  }

  /** A sync begins, of all that was written so far. */
  beginSync(): void {
    this.#syncing = this.#fresh;
    this.#fresh = undefined;
  }

  endSync(succeeded: boolean): void {
    if (!succeeded) {
      this.#stranded = together(this.#stranded, this.#syncing);
      // What came meanwhile may be in the same file.
      this.strand();
    }
    this.#syncing = undefined;
  }

  /** What was written last is in a file that will not be synced, but written again. */
  strand(): void {
    this.#stranded = together(this.#stranded, this.#fresh);
    this.#fresh = undefined;
  }

  /** What no sync reports on any more was written again and synced, or nobody needs it. */
  rescued(): void {
    this.#stranded = undefined;
  }

  get bytes(): number {
    return (this.#fresh?.bytes ?? 0) + (this.#syncing?.bytes ?? 0) + (this.#stranded?.bytes ?? 0);
  }

  /** Age of the oldest write. */
  ageMs(nowMs: number): number {
    const oldest = this.#stranded ?? this.#syncing ?? this.#fresh;
    return oldest === undefined ? 0 : nowMs - oldest.sinceMs;
  }

  /** Whether a write may be acknowledged before it is synced. */
  isWithin(nowMs: number): boolean {
    return (
      this.#stranded === undefined && this.bytes <= this.#limits.maxBytes && this.ageMs(nowMs) <= this.#limits.maxMs
    );
  }

  /** When a sync is to begin; `undefined` while there is nothing for one to do. */
  get dueMs(): number | undefined {
    if (this.#fresh === undefined) return undefined;
    if (this.#fresh.bytes >= this.#limits.maxBytes * SYNC_AT) return this.#fresh.sinceMs;
    return this.#fresh.sinceMs + this.#limits.maxMs * SYNC_AT;
  }
}

function together(older: Written | undefined, newer: Written | undefined): Written | undefined {
  if (older === undefined || newer === undefined) return older ?? newer;
  return { bytes: older.bytes + newer.bytes, sinceMs: older.sinceMs };
}
