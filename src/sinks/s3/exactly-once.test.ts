import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, Receipt } from "../../core/sink.ts";
import { eventAt, MemoryBucket, openSink, type Outcome } from "./bucket-fixture.ts";
import type { S3Sink } from "./sink.ts";

const HOUR_MS = 3_600_000;
const NEVER = new AbortController().signal;

/** Most events of a batch. A sink whose batches were larger before may come to store some twice. */
const LARGEST = 80;

/** Positions with gaps, as a filter leaves them, and an hour that ends in between. */
function journalOf(count: number, name = "id"): CollectedEvent[] {
  return Array.from({ length: count }, (_, index) => {
    // Around the end of the hour, some come late.
    const isLate = index % 7 === 3;
    const hour = index > count / 2 && !isLate ? 1 : 0;
    return eventAt(index * 3, `${name}-${String(index).padStart(4, "0")}`, 1_794_996_000_000 + hour * HOUR_MS);
  });
}

function isDelivered(receipt: Receipt, index: number): boolean {
  return receipt.kind === "delivered" || (receipt.kind === "partial" && receipt.fates[index]?.kind === "delivered");
}

/** What a pipeline does with a sink, by a plan: its batches, what comes of each, and when the process dies. */
class Driver {
  readonly #journal: readonly CollectedEvent[];
  #retries: CollectedEvent[] = [];
  #next = 0;
  readonly #settled = new Set<number>();
  /** Where the next process begins: never behind what is settled without a gap. */
  #cursor = 0;

  constructor(journal: readonly CollectedEvent[]) {
    this.#journal = journal;
  }

  get isDone(): boolean {
    return this.#settled.size === this.#journal.length;
  }

  /** @param retried how many of the events that failed before are in it; they come before or behind new ones */
  batch(fresh: number, retried: number, retriesFirst: boolean): CollectedEvent[] {
    const again = this.#retries.splice(0, retried);
    const news = this.#journal.slice(this.#next, this.#next + fresh);
    this.#next += news.length;
    return retriesFirst ? [...again, ...news] : [...news, ...again];
  }

  /** A sink that takes nothing, again and again, is tried with the oldest events. */
  hasten(): void {
    this.#retries.sort((a, b) => a.position - b.position);
  }

  settle(batch: Batch, receipt: Receipt): void {
    for (const [index, event] of batch.entries()) {
      if (isDelivered(receipt, index)) this.#settled.add(event.position);
      else this.#retries.push(event);
    }
  }

  /** Saves the cursor. */
  checkpoint(): void {
    while (this.#settled.has(this.#journal[this.#cursor]?.position ?? -1)) this.#cursor++;
  }

  /** Everything but the journal and the cursor that was saved last is gone. */
  crash(): void {
    this.#next = this.#cursor;
    this.#retries = [];
    this.#settled.clear();
    for (const event of this.#journal.slice(0, this.#cursor)) this.#settled.add(event.position);
  }
}

const step = fc.record({
  fresh: fc.integer({ min: 0, max: LARGEST / 2 }),
  retried: fc.integer({ min: 0, max: LARGEST / 2 }),
  retriesFirst: fc.boolean(),
  concurrently: fc.boolean(),
  outcomes: fc.array(fc.constantFrom<Outcome>("ok", "ok", "failed", "lost"), { maxLength: 4 }),
  next: fc.constantFrom("checkpoint", "checkpoint", "go on", "crash"),
});

async function finish(driver: Driver, sink: S3Sink): Promise<void> {
  for (let turn = 0; turn < 100 && !driver.isDone; turn++) {
    driver.hasten();
    const batch = driver.batch(50, LARGEST, true);
    driver.settle(batch, await sink.write(batch, NEVER));
  }
}

describe("however batches are cut, tried again and killed in between", () => {
  test("each event is in the bucket exactly once", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        const bucket = new MemoryBucket();
        const journal = journalOf(200);
        const driver = new Driver(journal);
        let sink = openSink(bucket, { maxInFlight: 2 });
        for (const { fresh, retried, retriesFirst, concurrently, outcomes, next } of steps) {
          bucket.outcomes = [...outcomes];
          const batches = [driver.batch(fresh, retried, retriesFirst)];
          if (concurrently) batches.push(driver.batch(fresh, retried, retriesFirst));
          const writes = batches.map((batch) => sink.write(batch, NEVER));
          for (const [index, write] of writes.entries()) driver.settle(batches[index] ?? [], await write);
          if (next === "checkpoint") driver.checkpoint();
          if (next !== "crash") continue;
          driver.crash();
          sink = openSink(bucket, { maxInFlight: 2 });
        }
        bucket.outcomes = [];
        await finish(driver, sink);
        expect(driver.isDone).toBe(true);
        expect(bucket.ids()).toEqual(journal.map(({ id }) => id));
      }),
      { numRuns: 150 },
    );
  });

  test("no event is missing where conditions are not honoured, and none is overwritten by others", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 10 }), async (steps) => {
        const bucket = new MemoryBucket();
        const journal = journalOf(120);
        const driver = new Driver(journal);
        const settings = { conditionalWrites: false, retry: { maxAgeMs: 60_000 } };
        let sink = openSink(bucket, settings);
        for (const { fresh, retried, retriesFirst, outcomes, next } of steps) {
          bucket.outcomes = [...outcomes];
          const batch = driver.batch(fresh, retried, retriesFirst);
          driver.settle(batch, await sink.write(batch, NEVER));
          if (next === "checkpoint") driver.checkpoint();
          if (next !== "crash") continue;
          driver.crash();
          sink = openSink(bucket, settings);
        }
        bucket.outcomes = [];
        await finish(driver, sink);
        expect([...new Set(bucket.ids())]).toEqual(journal.map(({ id }) => id));
      }),
      { numRuns: 100 },
    );
  });
});
