import type { Batcher, BatchTrigger } from "./batcher.ts";
import type { Intake } from "./intake.ts";
import type { RetryQueue } from "./retry-queue.ts";

/** Fills the open batch from what waits to be sent again and from the journal. */
export class BatchFiller {
  readonly #batcher: Batcher;
  readonly #retries: RetryQueue;
  readonly #intake: Intake;

  constructor(batcher: Batcher, retries: RetryQueue, intake: Intake) {
    this.#batcher = batcher;
    this.#retries = retries;
    this.#intake = intake;
  }

  /**
   * Returns why the batch should go now; `undefined` when it should not, or is empty.
   *
   * @param freshFirst events of the journal before retries, of which there may be more than go into a batch
   */
  fill(nowMs: number, freshFirst: boolean): BatchTrigger | undefined {
    const full = freshFirst
      ? (this.#addFresh(nowMs) ?? this.#addRetries(nowMs))
      : (this.#addRetries(nowMs) ?? this.#addFresh(nowMs));
    const trigger = full ?? this.#batcher.trigger(nowMs);
    if (trigger !== undefined || this.#batcher.events === 0) return trigger;
    // Nothing can join the batch before something is settled, and that may be up to this batch.
    return this.#intake.isFull ? "window" : undefined;
  }

  #addRetries(nowMs: number): BatchTrigger | undefined {
    for (let retry = this.#retries.peek(nowMs); retry !== undefined; retry = this.#retries.peek(nowMs)) {
      if (!this.#batcher.fits(retry.bytes)) return this.#batcher.trigger(nowMs, retry.bytes);
      this.#batcher.addRetry(retry.event, retry.bytes, nowMs);
      this.#retries.shift(nowMs);
    }
    return undefined;
  }

  #addFresh(nowMs: number): BatchTrigger | undefined {
    const intake = this.#intake;
    for (let event = intake.peek(); event !== undefined; event = intake.peek()) {
      const bytes = intake.peekedBytes;
      if (!this.#batcher.fits(bytes)) return this.#batcher.trigger(nowMs, bytes);
      this.#batcher.add(event, bytes, nowMs);
      intake.shift();
    }
    return undefined;
  }
}
