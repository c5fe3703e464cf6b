import assert from "node:assert/strict";

/**
 * The budget for request bodies held in memory by this process, from their first byte
 * until their request is answered. It bounds memory however many clients there are.
 *
 * Bytes are reserved as they arrive, not as they are announced: else a few clients
 * that announce much and send nothing would use up the budget.
 */
export class PendingBytes {
  readonly maxBytes: number;
  #held = 0;

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes;
  }

  get held(): number {
    return this.#held;
  }

  /** Whether `bytes` more would fit now. Reserves nothing. */
  fits(bytes: number): boolean {
    return this.#held + bytes <= this.maxBytes;
  }

  /** Takes `bytes` from the budget; false, and nothing taken, when they do not fit. */
  reserve(bytes: number): boolean {
    if (!this.fits(bytes)) return false;
    this.#held += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#held -= bytes;
    assert(this.#held >= 0, "only what was reserved is released");
  }
}
