import { describe, expect, test } from "vitest";
import type { Clock } from "../../core/clock.ts";
import type { Batch } from "../../core/sink.ts";
import { eventAt, MemoryBucket, openSink } from "./bucket-fixture.ts";

const NEVER = new AbortController().signal;
const HOUR_MS = 3_600_000;
const AT_MS = 1_794_996_000_000;

function eventsOf(from: number, to: number): Batch {
  return Array.from({ length: to - from }, (_, index) => eventAt(from + index, `id-${from + index}`));
}

/** The events of each object, as `first-last`, in the order of the keys. */
function objectsIn(bucket: MemoryBucket): string[] {
  const inscriptions = [...bucket.objects.values()].map(({ inscription }) => inscription);
  return inscriptions.map((inscription) => `${inscription?.first ?? "?"}-${inscription?.last ?? "?"}`);
}

/** A clock that stands still until it is set. */
class StoppedClock implements Clock {
  ms = 0;
  nowMs = (): number => AT_MS + this.ms;
  monotonicMs = (): number => this.ms;
  after = () => ({ cancel: () => {} });
}

describe("order", () => {
  test("what comes behind events that were not stored waits for them", async () => {
    const bucket = new MemoryBucket();
    const sink = openSink(bucket);
    bucket.outcomes = ["failed"];
    expect(await sink.write(eventsOf(0, 10), NEVER)).toEqual({ kind: "retryable", reason: "503" });
    expect(await sink.write(eventsOf(10, 20), NEVER)).toMatchObject({
      kind: "retryable",
      reason: expect.stringContaining("waits for earlier events"),
    });
    expect(bucket.objects.size).toBe(0);
    expect(await sink.write([...eventsOf(10, 20), ...eventsOf(0, 10)], NEVER)).toEqual({ kind: "delivered" });
    expect(bucket.ids().length).toBe(20);
  });

  test("of two batches at a time the second is stored once the first is, and not without it", async () => {
    const bucket = new MemoryBucket();
    const sink = openSink(bucket, { maxInFlight: 2 });
    const writes = [sink.write(eventsOf(0, 10), NEVER), sink.write(eventsOf(10, 20), NEVER)];
    expect(await Promise.all(writes)).toEqual([{ kind: "delivered" }, { kind: "delivered" }]);
    bucket.outcomes = ["failed"];
    const others = [sink.write(eventsOf(20, 30), NEVER), sink.write(eventsOf(30, 40), NEVER)];
    expect(await Promise.all(others)).toMatchObject([{ kind: "retryable" }, { kind: "retryable" }]);
    expect(objectsIn(bucket)).toEqual(["0-9", "10-19"]);
  });

  test("what does not come again is not waited for without end", async () => {
    const clock = new StoppedClock();
    const bucket = new MemoryBucket();
    const sink = openSink(bucket, {}, clock);
    bucket.outcomes = ["failed"];
    await sink.write(eventsOf(0, 10), NEVER);
    expect(await sink.write(eventsOf(10, 20), NEVER)).toMatchObject({ kind: "retryable" });
    clock.ms = HOUR_MS;
    expect(await sink.write(eventsOf(10, 20), NEVER)).toEqual({ kind: "delivered" });
  });

  test("nothing waits where events may be given up", async () => {
    const bucket = new MemoryBucket();
    const sink = openSink(bucket, { retry: { maxAgeMs: 1_000 } });
    bucket.outcomes = ["failed"];
    await sink.write(eventsOf(0, 10), NEVER);
    expect(await sink.write(eventsOf(10, 20), NEVER)).toEqual({ kind: "delivered" });
  });
});

describe("an object", () => {
  test("is tried again with the events it was tried with, since it may be there", async () => {
    const bucket = new MemoryBucket();
    const sink = openSink(bucket, { conditionalWrites: false });
    bucket.outcomes = ["lost"];
    await sink.write(eventsOf(0, 10), NEVER);
    expect(await sink.write(eventsOf(0, 30), NEVER)).toEqual({ kind: "delivered" });
    expect(objectsIn(bucket)).toEqual(["0-9", "10-29"]);
  });

  test("ends with the hour, and takes in what comes late from the hour before", async () => {
    const bucket = new MemoryBucket();
    const events = [0, 0, 1, 0, 1, 1].map((hours, position) =>
      eventAt(position, `id-${position}`, AT_MS + hours * HOUR_MS),
    );
    expect(await openSink(bucket).write(events, NEVER)).toEqual({ kind: "delivered" });
    expect(objectsIn(bucket)).toEqual(["0-1", "2-5"]);
  });

  test("that holds more than the batches of now can bring is taken for another's in the end", async () => {
    const bucket = new MemoryBucket();
    await openSink(bucket).write(eventsOf(0, 50), NEVER);
    const smaller = openSink(bucket, { batch: { maxEvents: 10 } });
    const batch = eventsOf(0, 10);
    let receipt = await smaller.write(batch, NEVER);
    expect(receipt).toMatchObject({ kind: "retryable", reason: expect.stringContaining("these events and more") });
    for (let attempt = 0; attempt < 30 && receipt.kind !== "delivered"; attempt++) {
      receipt = await smaller.write(batch, NEVER);
    }
    expect(receipt.kind).toBe("delivered");
    expect(objectsIn(bucket)).toEqual(["0-49", "0-9"]);
  });

  test("that somebody else put under our key is left as it is", async () => {
    const bucket = new MemoryBucket();
    await openSink(bucket).write(eventsOf(0, 10), NEVER);
    const [key = ""] = bucket.objects.keys();
    bucket.objects.set(key, { body: Buffer.from("theirs\n"), inscription: undefined });
    expect(await openSink(bucket).write(eventsOf(0, 10), NEVER)).toEqual({ kind: "delivered" });
    expect(bucket.objects.get(key)?.body.toString()).toBe("theirs\n");
    expect(bucket.ids().length).toBe(11);
  });
});

test("a write that is aborted while it waits for its turn ends as retryable", async () => {
  const bucket = new MemoryBucket();
  const sink = openSink(bucket, { maxInFlight: 2 });
  const abort = new AbortController();
  const writes = [sink.write(eventsOf(0, 10), NEVER), sink.write(eventsOf(10, 20), abort.signal)];
  abort.abort();
  expect((await Promise.all(writes)).map(({ kind }) => kind)).toEqual(["delivered", "retryable"]);
  expect(await sink.write(eventsOf(10, 20), NEVER)).toEqual({ kind: "delivered" });
  expect(bucket.ids().length).toBe(20);
});
