import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { CollectedEvent } from "../../src/core/event.ts";
import type { Batch, Fate, Receipt, Sink } from "../../src/core/sink.ts";

/**
 * A sink with a destination of its own, fresh for each test. Keep the sink's batch limits small
 * (50 events unless the service takes fewer, a few hundred KiB): the suite fills batches to the brim.
 */
export interface SinkHarness extends AsyncDisposable {
  readonly sink: Sink;
  /**
   * The bytes of every event the destination holds, in any order; of one that counts events and
   * does not keep them, how many it has counted. May finish what the sink has open.
   */
  delivered(): Promise<readonly Buffer[] | number>;
  /** Bytes of all that was delivered, counted as the destination's limits count them. */
  countedBytes(): Promise<number>;
  /** The destination takes no object that has a key twice. */
  readonly refusesDuplicateKeys?: true;
  /** Makes every write fail, and `check` complain, until repaired. Absent where nothing can fail. */
  breakDestination?(): Promise<void>;
  /** Absent where a broken destination is gone for good, as a closed pipe is. */
  repairDestination?(): Promise<void>;
  /** From now on the destination neither answers nor fails. Absent where that cannot be brought about. */
  stallDestination?(): Promise<void>;
}

/** Longest time an aborted write may take. Far above what any machine needs, far below the sinks' own timeouts. */
const PROMPT_MS = 5_000;

/**
 * What every sink promises, whatever its destination: the pipeline relies on each of these.
 *
 * @param whyNot why its destination cannot be had here; empty when it can
 */
export function describeSinkConformance(name: string, openHarness: () => Promise<SinkHarness>, whyNot = ""): void {
  describe.skipIf(whyNot !== "")(`sink conformance: ${name}${whyNot && `: ${whyNot}`}`, () => {
    test("delivers every event of a batch, byte for byte", async () => {
      await using harness = await openHarness();
      const batch = sampleEvents(50);
      await deliver(harness.sink, batch);
      await expectHeld(harness, batch);
    });

    test("leaves unusual JSON as it was sent: escapes, big numbers, duplicate keys, spaces, any script", async () => {
      await using harness = await openHarness();
      const taken = UNUSUAL_JSON.filter((data) => data !== DUPLICATE_KEYS || harness.refusesDuplicateKeys !== true);
      const batch = taken.map((data, position) => collectedEvent(position, `{"data":${data}}`));
      await deliver(harness.sink, batch);
      await expectHeld(harness, batch);
    });

    test("answers an empty batch as delivered and sends nothing", async () => {
      await using harness = await openHarness();
      await deliver(harness.sink, []);
      await expectHeld(harness, []);
    });

    test("takes a batch of exactly maxEvents events", async () => {
      await using harness = await openHarness();
      const { limits } = harness.sink;
      const batch = sampleEvents(limits.maxEvents, Math.min(40, Math.floor(limits.maxBytes / limits.maxEvents / 2)));
      await deliver(harness.sink, batch);
      await expectHeld(harness, batch);
    });

    test("takes an event of the largest size, and a batch filled to the last byte", async () => {
      await using harness = await openHarness();
      const { limits } = harness.sink;
      const largest = eventOfSize(harness.sink, 0, Math.min(limits.maxEventBytes, limits.maxBytes));
      await deliver(harness.sink, [largest]);
      const full = fullBatch(harness.sink, 1);
      await deliver(harness.sink, full);
      await expectHeld(harness, [largest, ...full]);
    });

    test("counts an event as no smaller than its destination does", async () => {
      await using harness = await openHarness();
      const batch = [...sampleEvents(20), ...sampleEvents(20, 0, 20), ...sampleEvents(5, 5_000, 40)];
      await deliver(harness.sink, batch);
      let bytes = 0;
      for (const event of batch) bytes += harness.sink.eventBytes(event);
      expect(bytes).toBeGreaterThanOrEqual(await harness.countedBytes());
    });

    test("keeps concurrent writes apart", async () => {
      await using harness = await openHarness();
      const batches = Array.from({ length: 8 }, (_, index) => sampleEvents(20, 100, index * 20));
      await Promise.all(batches.map((batch) => deliver(harness.sink, batch)));
      await expectHeld(harness, batches.flat());
    });

    test("answers a write whose signal was aborted before as retryable, and sends nothing", async () => {
      await using harness = await openHarness();
      const batch = sampleEvents(3);
      const receipt = await promptly(harness.sink.write(batch, AbortSignal.abort()));
      expect(fatesOf(receipt, batch)).toEqual(retryable(batch));
      await expectHeld(harness, []);
    });

    test("is well when its destination is", async () => {
      await using harness = await openHarness();
      expect(await harness.sink.check(neverAborted())).toEqual([]);
    });

    test("close finishes what is on the way, and may be called again", async () => {
      await using harness = await openHarness();
      const batch = sampleEvents(Math.min(20, harness.sink.limits.maxEvents));
      const writing = harness.sink.write(batch, neverAborted());
      await harness.sink.close();
      await harness.sink.close();
      const fates = fatesOf(await writing, batch);
      const taken = batch.filter((_, index) => fates[index]?.kind === "delivered");
      await expectHeld(harness, taken);
    });

    test("answers a write after close as retryable", async () => {
      await using harness = await openHarness();
      await harness.sink.close();
      const batch = sampleEvents(3);
      expect(fatesOf(await harness.sink.write(batch, neverAborted()), batch)).toEqual(retryable(batch));
    });

    test("ends a write promptly, as retryable, when its signal is aborted", async (context) => {
      await using harness = await openHarness();
      if (harness.stallDestination === undefined) {
        context.skip("its destination cannot be made to stall");
        return;
      }
      await harness.stallDestination();
      const batch = fullBatch(harness.sink, 0);
      const abort = new AbortController();
      const writes = [harness.sink.write(batch, abort.signal), harness.sink.write(batch, abort.signal)];
      await delay(20);
      abort.abort();
      for (const write of writes) expect(fatesOf(await promptly(write), batch)).toEqual(retryable(batch));
    });

    test("answers retryable while its destination is down, says so when checked, and then goes on", async (context) => {
      await using harness = await openHarness();
      if (harness.breakDestination === undefined) {
        context.skip("its destination cannot fail");
        return;
      }
      const before = sampleEvents(5);
      await deliver(harness.sink, before);

      await harness.breakDestination();
      const batch = sampleEvents(5, 100, 5);
      expect(fatesOf(await harness.sink.write(batch, neverAborted()), batch)).toEqual(retryable(batch));
      expect(fatesOf(await harness.sink.write(batch, neverAborted()), batch)).toEqual(retryable(batch));
      const problems = await harness.sink.check(neverAborted());
      expect(problems.length).toBeGreaterThan(0);
      for (const problem of problems) expect(problem, "a sentence, for a person").toMatch(/\w+ \w+ \w+/);

      if (harness.repairDestination === undefined) return;
      await harness.repairDestination();
      await deliver(harness.sink, batch);
      expect(await harness.sink.check(neverAborted())).toEqual([]);
      await expectHeld(harness, [...before, ...batch]);
    });

    // The last one: it leaves the destination down, and some take long to start.
    test("can be closed while its destination is down", async (context) => {
      await using harness = await openHarness();
      if (harness.breakDestination === undefined) {
        context.skip("its destination cannot fail");
        return;
      }
      await deliver(harness.sink, sampleEvents(5));
      await harness.breakDestination();
      await harness.sink.close();
      await expect(harness.sink.close()).resolves.toBeUndefined();
    });
  });
}

/** An event as the journal would hand it out, holding exactly this text. */
export function collectedEvent(position: number, json: string, receivedMs = 1_795_000_000_000): CollectedEvent {
  return {
    position,
    id: `00000000-0000-4000-8000-${String(position).padStart(12, "0")}`,
    type: "conformance.event",
    source: "web",
    receivedMs,
    bytes: Buffer.from(json),
  };
}

/** Events that differ in their bytes, of about `paddingBytes` more than the least. */
export function sampleEvents(count: number, paddingBytes = 100, from = 0): CollectedEvent[] {
  return Array.from({ length: count }, (_, index) =>
    collectedEvent(from + index, `{"n":${from + index},"pad":"${"x".repeat(paddingBytes)}"}`),
  );
}

/** The fate of each event, in order, whatever the kind of receipt. */
export function fatesOf(receipt: Receipt, batch: Batch): readonly Fate[] {
  if (receipt.kind === "partial") {
    assert.equal(receipt.fates.length, batch.length, "a receipt has one fate per event");
    return receipt.fates;
  }
  if (receipt.kind === "delivered") return batch.map(() => receipt);
  assert(["retryable", "refused"].includes(receipt.kind), `a receipt is of a kind there is, not ${receipt.kind}`);
  const kind = receipt.kind === "refused" ? "rejected" : "retryable";
  return batch.map(() => ({ kind, reason: receipt.reason }));
}

const DUPLICATE_KEYS = '{"a":1,"a":2,"__proto__":{"b":3},"":null}';

const UNUSUAL_JSON = [
  '"π ≠ 3,14 · 日本語 · 🦥 · \u2028 · e\u0301"',
  '"\\u00e9 \\ud83e\\udda5 \\" \\\\ \\/ \\n \\u0000"',
  "123456789012345678901234567890.000000000000000000001e-400",
  "-0",
  DUPLICATE_KEYS,
  '{"__proto__":{"b":3},"":null}',
  "[ 1 ,\t2 , [ ] , { } ]",
  `${"[".repeat(200)}${"]".repeat(200)}`,
  "true",
];

function neverAborted(): AbortSignal {
  return new AbortController().signal;
}

/** Writes events that must all be delivered, in as many batches as the sink's limits need. */
async function deliver(sink: Sink, events: Batch): Promise<void> {
  const { maxEvents } = sink.limits;
  for (let from = 0; from === 0 || from < events.length; from += maxEvents) {
    const batch = events.slice(from, from + maxEvents);
    const receipt = await sink.write(batch, neverAborted());
    expect(fatesOf(receipt, batch)).toEqual(batch.map(() => ({ kind: "delivered" })));
  }
}

function retryable(batch: Batch): unknown[] {
  return batch.map(() => ({ kind: "retryable", reason: expect.stringMatching(/\w/) }));
}

/** Expects the destination to hold exactly these events, or to have counted as many. */
async function expectHeld(harness: SinkHarness, events: Batch): Promise<void> {
  const held = await harness.delivered();
  if (typeof held === "number") expect(held).toBe(events.length);
  // One character per byte, so that a difference of any byte shows.
  else expect(held.map((bytes) => bytes.toString("latin1")).toSorted()).toEqual(textsOf(events));
}

function textsOf(events: Batch): string[] {
  return events.map((event) => event.bytes.toString("latin1")).toSorted();
}

/** The largest event that counts for at most `bytes`. */
function eventOfSize(sink: Sink, position: number, bytes: number): CollectedEvent {
  let padding = bytes;
  for (let attempt = 0; attempt < 10; attempt++) {
    const [event] = sampleEvents(1, padding, position);
    const excess = event === undefined ? 0 : sink.eventBytes(event) - bytes;
    if (event !== undefined && excess <= 0) return event;
    padding -= excess;
  }
  throw new Error(`no event counts for ${bytes} bytes or less`);
}

/** A batch to which no byte can be added: events of an eighth of the limit, and a last one for the rest. */
function fullBatch(sink: Sink, from: number): CollectedEvent[] {
  const { maxBytes, maxEventBytes } = sink.limits;
  const part = Math.min(maxEventBytes, Math.floor(maxBytes / 8));
  const batch: CollectedEvent[] = [];
  let room = maxBytes;
  while (room > 2 * part && batch.length < sink.limits.maxEvents - 1) {
    const event = eventOfSize(sink, from + batch.length, part);
    batch.push(event);
    room -= sink.eventBytes(event);
  }
  batch.push(eventOfSize(sink, from + batch.length, Math.min(room, maxEventBytes)));
  return batch;
}

async function promptly<T>(promise: Promise<T>): Promise<T> {
  const timeout = new AbortController();
  const late = delay(PROMPT_MS, undefined, { signal: timeout.signal }).then(() => {
    throw new Error(`the write took longer than ${PROMPT_MS} ms to notice that it was aborted`);
  });
  late.catch(() => {});
  try {
    return await Promise.race([promise, late]);
  } finally {
    timeout.abort();
  }
}
