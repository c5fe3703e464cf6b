/** An event that waits or is under way, as the JSON that is sent. */
export interface QueuedEvent {
  readonly id: string;
  readonly json: string;
  /** Of the JSON in UTF-8, and of the comma after it. */
  readonly bytes: number;
  readonly trackedAtMs: number;
  /** Counts up by one from event to event. */
  readonly sequence: number;
}

export interface QueueLimits {
  readonly maxBatchEvents: number;
  readonly maxBatchBytes: number;
  readonly maxBatchAgeMs: number;
}

/** Events that wait for a request, oldest first. A batch is made of them only when a request can be sent. */
export class EventQueue {
  readonly #limits: QueueLimits;
  #events: QueuedEvent[] = [];
  /** Those before it were taken. */
  #head = 0;
  #bytes = 0;

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  get oldest(): QueuedEvent | undefined {
    return this.#events[this.#head];
  }

  add(event: QueuedEvent): void {
    this.#events.push(event);
    this.#bytes += event.bytes;
  }

  /** How long until a batch should be sent, in milliseconds; `undefined` while nothing waits. */
  dueInMs(nowMs: number): number | undefined {
    const { oldest } = this;
    if (oldest === undefined) return undefined;
    const { maxBatchEvents, maxBatchBytes, maxBatchAgeMs } = this.#limits;
    const isFull = this.#events.length - this.#head >= maxBatchEvents || this.#bytes >= maxBatchBytes;
    return isFull ? 0 : Math.max(0, oldest.trackedAtMs + maxBatchAgeMs - nowMs);
  }

  /** The oldest events, as many as fit into one request; at least one if any waits. */
  takeBatch(): QueuedEvent[] {
    const { maxBatchEvents, maxBatchBytes } = this.#limits;
    const batch: QueuedEvent[] = [];
    let bytes = 0;
    for (let next = this.oldest; next !== undefined; next = this.oldest) {
      if (batch.length > 0 && (batch.length >= maxBatchEvents || bytes + next.bytes > maxBatchBytes)) break;
      bytes += next.bytes;
      batch.push(next);
      this.#head++;
    }
    this.#bytes -= bytes;
    // Copying what is left only when it is the smaller half keeps the cost per event constant.
    if (this.#head * 2 >= this.#events.length) {
      this.#events = this.#events.slice(this.#head);
      this.#head = 0;
    }
    return batch;
  }
}
