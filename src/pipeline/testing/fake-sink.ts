import assert from "node:assert/strict";
import type { CollectedEvent, Position } from "../../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";

/** A sink that answers as a test says, checks what it is given, and counts what it took. */
export class FakeSink implements Sink {
  readonly name = "fake";
  readonly type = "fake";
  readonly limits: BatchLimits;
  answer: (batch: Batch, signal: AbortSignal) => Receipt | Promise<Receipt> = () => ({ kind: "delivered" });
  /** The positions of each write. */
  readonly writes: Position[][] = [];
  /** How often each position was taken. */
  readonly taken = new Map<Position, number>();
  inFlight = 0;
  maxInFlight = 0;
  closed = 0;

  constructor(limits: Partial<BatchLimits> = {}) {
    this.limits = { maxEvents: 10, maxBytes: 1_000, maxEventBytes: 500, maxAgeMs: 100, ...limits };
  }

  eventBytes(event: CollectedEvent): number {
    return event.bytes.byteLength;
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    this.#check(batch);
    this.writes.push(batch.map(({ position }) => position));
    this.inFlight++;
    this.maxInFlight = Math.max(this.maxInFlight, this.inFlight);
    try {
      const receipt = await this.answer(batch, signal);
      for (const [index, { position }] of batch.entries()) {
        const fate = receipt.kind === "partial" ? receipt.fates[index] : receipt;
        if (fate?.kind === "delivered") this.taken.set(position, (this.taken.get(position) ?? 0) + 1);
      }
      return receipt;
    } finally {
      this.inFlight--;
    }
  }

  #check(batch: Batch): void {
    let bytes = 0;
    for (const event of batch) bytes += this.eventBytes(event);
    assert(batch.length > 0 && batch.length <= this.limits.maxEvents, "maxEvents is kept");
    assert(bytes <= this.limits.maxBytes, "maxBytes is kept");
    assert(
      batch.every((event) => this.eventBytes(event) <= this.limits.maxEventBytes),
      "maxEventBytes is kept",
    );
    assert.equal(new Set(batch.map(({ position }) => position)).size, batch.length, "an event is in a batch once");
    assert(!batch.some(({ position }) => this.taken.has(position)), "what was taken is not sent again");
  }

  check(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  close(): Promise<void> {
    this.closed++;
    return Promise.resolve();
  }
}
