import { expect, test } from "vitest";
import type { Receipt } from "../core/sink.ts";
import { turn } from "./testing/fake-clock.ts";
import { Rig, type RigOptions } from "./testing/rig.ts";

const RETRYABLE: Receipt = { kind: "retryable", reason: "throttled" };
const DELIVERED: Receipt = { kind: "delivered" };

function startRig(options?: RigOptions): Rig {
  const rig = new Rig(options);
  rig.pipeline.start();
  return rig;
}

/** Answers writes with these receipts, then delivers. */
function script(rig: Rig, ...receipts: readonly (Receipt | Error)[]): void {
  const left = [...receipts];
  rig.sink.answer = () => {
    const next = left.shift() ?? DELIVERED;
    if (next instanceof Error) throw next;
    return next;
  };
}

/** One event for the sink, and 600 MiB that are not, in shared memory. */
function writeRareAmongLarge(rig: Rig): void {
  const bytes = Buffer.alloc(1024 ** 2);
  rig.write({ type: "rare" }, ...Array.from({ length: 600 }, () => ({ bytes })));
}

async function takeTurns(count: number): Promise<void> {
  for (let done = 0; done < count; done++) await turn();
}

/** Ends the write when it is aborted, as a sink should. */
function hang(signal: AbortSignal): Promise<Receipt> {
  return new Promise((resolve) => {
    signal.addEventListener("abort", () => resolve({ kind: "retryable", reason: "aborted by the sink" }));
  });
}

test("full batches go at once, a partial one after maxAgeMs", async () => {
  const rig = startRig();
  rig.writeMany(23);
  await turn();
  expect(rig.sink.writes.map((write) => write.length)).toEqual([10, 10]);
  await rig.clock.advance(99);
  expect(rig.sink.writes).toHaveLength(2);
  await rig.clock.advance(1);
  expect(rig.sink.writes.map((write) => write.length)).toEqual([10, 10, 3]);
  expect(rig.cursor).toBe(23);
  expect(rig.clock.pendingTimers).toBe(0);
});

test("it continues at its cursor and delivers what was written before it started", async () => {
  const rig = new Rig();
  rig.writeMany(10);
  expect(rig.sink.writes).toHaveLength(0);
  rig.pipeline.start();
  await turn();
  expect(rig.cursor).toBe(10);
});

test("only the events of a batch that failed are sent again", async () => {
  const rig = startRig({ limits: { maxEvents: 3 } });
  script(rig, {
    kind: "partial",
    fates: [{ kind: "delivered" }, { kind: "retryable", reason: "throttled" }, { kind: "rejected", reason: "too odd" }],
  });
  rig.writeMany(3);
  await rig.clock.advance(1_000);
  expect(rig.sink.writes).toEqual([[0, 1, 2], [1]]);
  expect(rig.deadLetters).toMatchObject([
    { position: 2, sink: "fake", code: "rejected_by_sink", reasons: ["too odd"] },
  ]);
  expect(rig.ledger.rows()).toMatchObject([{ accepted: 3, delivered: 2, deadLettered: 1, held: 0 }]);
  const states = [0, 1, 2, 3].map((position) => rig.pipeline.stateOf(position));
  expect(states).toEqual(["delivered", "delivered", "dead-lettered", "held"]);
});

test("retries join the next batch before fresh events", async () => {
  const rig = startRig({ limits: { maxEvents: 3 } });
  script(rig, RETRYABLE);
  rig.writeMany(4);
  await turn();
  rig.writeMany(1);
  await rig.clock.advance(49);
  expect(rig.sink.writes).toHaveLength(1);
  await rig.clock.advance(1);
  expect(rig.sink.writes).toEqual([
    [0, 1, 2],
    [3, 4, 0],
    [1, 2],
  ]);
});

test("the cursor waits for a retried event while later ones are delivered", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  script(rig, RETRYABLE);
  rig.writeMany(5);
  await turn();
  expect(rig.sink.taken.size).toBe(4);
  expect(rig.cursor).toBe(0);
  expect(rig.pipeline.stateOf(3)).toBe("delivered");
  await rig.clock.advance(100);
  expect(rig.cursor).toBe(5);
});

test("a batch refused whole is bisected: only the event to blame is dead-lettered", async () => {
  const rig = startRig({ limits: { maxEvents: 8 } });
  rig.sink.answer = (batch) =>
    batch.some(({ position }) => position === 5) ? { kind: "refused", reason: "bad request" } : DELIVERED;
  rig.writeMany(8);
  await rig.clock.advance(0);
  expect(rig.deadLetters.map(({ position }) => position)).toEqual([5]);
  expect(rig.cursor).toBe(8);
  expect(rig.sink.writes).toHaveLength(7);
});

test("half of a refused batch that fails is retried as it is, not among others", async () => {
  const rig = startRig({ limits: { maxEvents: 4 }, settings: { maxInFlight: 1 } });
  script(rig, { kind: "refused", reason: "bad request" }, RETRYABLE);
  rig.writeMany(8);
  await turn();
  rig.writeMany(1);
  await rig.clock.advance(1_000);
  expect(rig.sink.writes).toEqual([[0, 1, 2, 3], [0, 1], [2, 3], [4, 5, 6, 7], [0, 1], [8]]);
});

test("an event too large for the sink is dead-lettered and never sent", async () => {
  const rig = startRig();
  rig.write({ bytes: Buffer.alloc(501) }, {});
  await rig.clock.advance(100);
  expect(rig.sink.writes).toEqual([[1]]);
  expect(rig.deadLetters).toMatchObject([{ position: 0, code: "event_too_large" }]);
});

test("an event older than retry.maxAgeMs is dead-lettered with the last reason", async () => {
  const rig = startRig({ settings: { retry: { minDelayMs: 100, maxDelayMs: 100, maxAgeMs: 300 } } });
  rig.sink.answer = () => RETRYABLE;
  rig.writeMany(1);
  await rig.clock.advance(2_000);
  expect(rig.deadLetters).toMatchObject([{ code: "retry_expired", reasons: ["throttled"] }]);
  expect(rig.cursor).toBe(1);
});

test("an event settles only once its dead letter is written, however often that fails", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  let failures = 3;
  rig.beforeDeadLetter = () => (failures-- > 0 ? Promise.reject(new Error("disk full")) : Promise.resolve());
  script(rig, { kind: "refused", reason: "no" });
  rig.writeMany(1);
  await turn();
  expect(rig.cursor).toBe(0);
  await rig.clock.advance(5_000);
  expect(rig.deadLetters).toHaveLength(1);
  expect(rig.cursor).toBe(1);
});

test("what the filter keeps out is dropped with a reason and counts as settled", async () => {
  const rig = startRig({ settings: { when: 'type == "a" || data.total > 1' } });
  rig.write({ type: "a" }, { bytes: Buffer.from('{"data":{"total":1}}') }, { bytes: Buffer.from("{}") });
  await rig.clock.advance(100);
  expect(rig.sink.writes).toEqual([[0]]);
  expect(rig.ledger.rows()).toMatchObject([{ delivered: 1, dropped: { filtered: 1, filter_error: 1 }, held: 0 }]);
  const { signal } = new AbortController();
  expect(await rig.pipeline.whenSettled(0, 2, signal)).toBe("delivered");
  expect(await rig.pipeline.whenSettled(0, 3, signal)).toBe("undelivered");
});

test("a write that takes too long is aborted and retried", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  let writes = 0;
  rig.sink.answer = (_batch, signal) => (writes++ === 0 ? hang(signal) : DELIVERED);
  rig.writeMany(1);
  await rig.clock.advance(2_000);
  expect(rig.cursor).toBe(1);
  expect(rig.pipeline.health().lastError).toBe("timeout");
});

test("a sink that ignores the abort costs a slot for a while, not for ever", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  let writes = 0;
  rig.sink.answer = () => (writes++ === 0 ? new Promise<Receipt>(() => {}) : DELIVERED);
  rig.writeMany(1);
  await rig.clock.advance(10_000);
  expect(rig.cursor).toBe(1);
  expect(rig.pipeline.health().inFlight).toBe(0);
  expect(rig.logged.map(({ msg }) => msg)).toContain("bug in the sink: a write did not end when it was aborted");
});

test("an answer that comes after the write was given up changes nothing", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  const late = Promise.withResolvers<Receipt>();
  rig.sink.answer = () => late.promise;
  rig.writeMany(1);
  await rig.clock.advance(3_000);
  rig.sink.answer = () => RETRYABLE;
  late.resolve({ kind: "refused", reason: "late" });
  await rig.clock.advance(1_000);
  expect(rig.deadLetters).toEqual([]);
  rig.sink.answer = () => DELIVERED;
  await rig.clock.advance(5_000);
  expect(rig.cursor).toBe(1);
});

test("an answer that the event arrived counts even after the abort", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  rig.sink.answer = async (_batch, signal) => {
    await hang(signal);
    return DELIVERED;
  };
  rig.writeMany(1);
  await rig.clock.advance(5_000);
  expect(rig.sink.writes).toHaveLength(1);
  expect(rig.cursor).toBe(1);
});

test("a sink that throws, or forgets a fate, loses nothing and is reported", async () => {
  const rig = startRig();
  script(rig, new Error("oops"), { kind: "partial", fates: [] });
  rig.writeMany(1);
  await rig.clock.advance(2_000);
  expect(rig.sink.writes).toHaveLength(3);
  expect(rig.cursor).toBe(1);
  expect(rig.logged.filter(({ level }) => level === 50)).toHaveLength(2);
});

test("a dead sink gets one probe at a time, and everything once it is back", async () => {
  const rig = startRig({ limits: { maxEvents: 1 }, settings: { maxInFlight: 4 } });
  let dead = true;
  rig.sink.answer = async () => {
    await new Promise<void>((resolve) => rig.clock.after(10, resolve));
    return dead ? RETRYABLE : DELIVERED;
  };
  rig.writeMany(100);
  await rig.clock.advance(1_000);
  expect(rig.pipeline.health()).toMatchObject({ state: "open", lastError: "throttled", lagEvents: 100 });
  expect(rig.journal.read.length).toBeLessThanOrEqual(100);
  const before = rig.sink.writes.length;
  rig.sink.maxInFlight = 0;
  await rig.clock.advance(10_000);
  expect(rig.sink.maxInFlight).toBe(1);
  expect(rig.sink.writes.length - before).toBeLessThan(60);
  dead = false;
  await rig.clock.advance(3_000);
  expect(rig.cursor).toBe(100);
  expect(rig.pipeline.health()).toMatchObject({ state: "ok", lagEvents: 0, lagMs: 0 });
  const texts = rig.logged.map(({ msg }) => msg);
  expect(texts).toEqual([
    "the sink takes nothing; trying one batch at a time from now on",
    "the sink takes events again",
  ]);
});

test("a pause the sink asks for is kept", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  script(rig, { kind: "retryable", reason: "throttled", retryAfterMs: 5_000 });
  rig.writeMany(1);
  await turn();
  rig.writeMany(5);
  await rig.clock.advance(4_999);
  expect(rig.sink.writes).toHaveLength(1);
  await rig.clock.advance(1);
  expect(rig.cursor).toBe(6);
});

test("what is read and not settled stays within its bound; the journal holds the rest", async () => {
  const rig = startRig({ limits: { maxBytes: 4 * 1024 ** 2, maxEventBytes: 1024 ** 2 } });
  const bytes = Buffer.alloc(1024 ** 2);
  let isFull = true;
  rig.beforeDeadLetter = () => (isFull ? Promise.reject(new Error("disk full")) : Promise.resolve());
  rig.sink.answer = () => ({ kind: "refused", reason: "no" });
  rig.write(...Array.from({ length: 100 }, () => ({ bytes })));
  await rig.clock.advance(10_000);
  expect(rig.journal.read).toHaveLength(32);
  isFull = false;
  await rig.clock.advance(60_000);
  expect(rig.deadLetters).toHaveLength(100);
  expect(rig.cursor).toBe(100);
});

test("what was read beyond the cursor stays within its bound, though most of it is not for the sink", async () => {
  const rig = startRig({ settings: { when: 'type == "rare"', timeoutMs: 60_000 } });
  const answer = Promise.withResolvers<Receipt>();
  rig.sink.answer = () => answer.promise;
  writeRareAmongLarge(rig);
  await rig.clock.advance(100);
  await takeTurns(300);
  expect(rig.journal.read).toHaveLength(257);
  answer.resolve(DELIVERED);
  await takeTurns(300);
  expect(rig.cursor).toBe(601);
});

test("a partial batch goes at once when no more may be read before it is settled", async () => {
  const rig = startRig({ limits: { maxAgeMs: 900_000 }, settings: { when: 'type == "rare"' } });
  writeRareAmongLarge(rig);
  await takeTurns(300);
  expect(rig.cursor).toBe(601);
});

test("a drain has nothing to wait for when the cursor is beyond what the journal still has", async () => {
  const { pipeline } = startRig({ from: 100 });
  expect(pipeline.health().lagEvents).toBe(0);
  expect(await pipeline.drain(60_000)).toBe(0);
});

test("a drain that finds its pipeline being stopped ends what is on its way at the deadline", async () => {
  const rig = startRig({ settings: { timeoutMs: 600_000 } });
  rig.sink.answer = (_batch, signal) => hang(signal);
  rig.writeMany(10);
  await turn();
  const stopped = rig.pipeline.stop();
  const drained = rig.pipeline.drain(700);
  await rig.clock.advance(700);
  await stopped;
  expect(await drained).toBe(10);
});

test("a drain ends at its deadline though a sink heeds no abort and never closes, and what comes later counts no more", async () => {
  const rig = startRig();
  const answer = Promise.withResolvers<Receipt>();
  rig.sink.answer = () => answer.promise;
  rig.sink.close = () => new Promise(() => {});
  rig.writeMany(10);
  await turn();
  const drained = rig.pipeline.drain(700);
  await rig.clock.advance(700);
  expect(await drained).toBe(10);
  answer.resolve({ kind: "delivered" });
  await turn();
  expect(rig.cursor).toBe(0);
  expect(rig.pipeline.stateOf(0)).toBe("held");
});

test("a long backlog of events for others is passed over in several turns, without a receipt or timer", async () => {
  const rig = startRig({ settings: { when: 'type == "rare"' } });
  rig.writeMany(10_000);
  await turn();
  expect(rig.cursor).toBeGreaterThan(0);
  expect(rig.cursor).toBeLessThan(10_000);
  for (let turns = 0; turns < 5; turns++) await turn();
  expect(rig.cursor).toBe(10_000);
});

test("positions that the journal lost are passed over as missing", async () => {
  const rig = new Rig();
  rig.lose(3);
  rig.writeMany(2);
  rig.lose(1_000_000);
  rig.pipeline.start();
  await rig.clock.advance(100);
  expect(rig.cursor).toBe(1_000_005);
  expect(rig.pipeline.stateOf(1)).toBe("lost");
  expect(rig.pipeline.stateOf(4)).toBe("delivered");
});

test("a journal that cannot be read is read again", async () => {
  const rig = new Rig();
  const modes = ["fails", "fails", "by promise"] as const;
  let reads = 0;
  rig.journal.readMode = () => modes[reads++] ?? "at once";
  rig.writeMany(10);
  rig.pipeline.start();
  await rig.clock.advance(3_000);
  expect(rig.cursor).toBe(10);
});

test("whenSettled waits for its own events, not for older ones", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  script(rig, RETRYABLE);
  rig.writeMany(1);
  await turn();
  const later = rig.pipeline.whenSettled(1, 2, new AbortController().signal);
  rig.writeMany(2);
  expect(await later).toBe("delivered");
  expect(rig.cursor).toBe(0);
});

test("a wait that was cancelled never ends and holds nothing", async () => {
  const rig = startRig();
  const cancel = new AbortController();
  let ended = false;
  void rig.pipeline.whenSettled(0, 1, cancel.signal).then(() => (ended = true));
  cancel.abort();
  rig.writeMany(1);
  await rig.clock.advance(1_000);
  expect(rig.cursor).toBe(1);
  expect(ended).toBe(false);
});

test("drain sends partial batches and waiting retries at once", async () => {
  const rig = startRig({ limits: { maxAgeMs: 900_000 } });
  script(rig, { ...RETRYABLE, retryAfterMs: 60_000 });
  rig.writeMany(10);
  await turn();
  rig.writeMany(3);
  await turn();
  expect(rig.sink.writes).toHaveLength(1);
  expect(await rig.pipeline.drain(10_000)).toBe(0);
  expect(rig.cursor).toBe(13);
  expect(rig.sink.closed).toBe(1);
  expect(rig.clock.pendingTimers).toBe(0);
});

test("drain tries until its deadline, then tells what is still held", async () => {
  const rig = startRig();
  rig.sink.answer = (_batch, signal) => hang(signal);
  rig.writeMany(35);
  await turn();
  const drained = rig.pipeline.drain(700);
  await rig.clock.advance(700);
  expect(await drained).toBe(35);
  expect(rig.cursor).toBe(0);
  expect(rig.clock.pendingTimers).toBe(0);
});

test("stop lets writes on their way end, counts them, and sends nothing more", async () => {
  const rig = startRig();
  rig.sink.answer = async () => {
    await new Promise<void>((resolve) => rig.clock.after(500, resolve));
    return DELIVERED;
  };
  rig.writeMany(50);
  await turn();
  const stopped = rig.pipeline.stop();
  await rig.clock.advance(500);
  await stopped;
  await rig.pipeline.stop();
  expect(rig.cursor).toBe(20);
  expect(rig.sink.writes).toHaveLength(2);
  expect(rig.sink.closed).toBe(1);
  rig.pipeline.wake();
  await rig.clock.advance(5_000);
  expect(rig.sink.writes).toHaveLength(2);
});

test("nothing counts after stop: not even a dead letter that was written too late", async () => {
  const rig = startRig({ limits: { maxEvents: 1 } });
  const disk = Promise.withResolvers<void>();
  rig.beforeDeadLetter = () => disk.promise;
  script(rig, { kind: "refused", reason: "no" });
  rig.writeMany(1);
  await turn();
  const stopped = rig.pipeline.stop();
  await rig.clock.advance(1_000);
  await stopped;
  disk.resolve();
  await turn();
  expect(rig.deadLetters).toHaveLength(1);
  expect(rig.cursor).toBe(0);
});

test("stopping ends a drain", async () => {
  const rig = startRig();
  rig.sink.answer = (_batch, signal) => hang(signal);
  rig.writeMany(10);
  await turn();
  const drained = rig.pipeline.drain(60_000);
  const stopped = rig.pipeline.stop();
  await rig.clock.advance(1_000);
  await stopped;
  expect(await drained).toBe(10);
});

test("a pipeline that never started can be stopped and drained", async () => {
  await new Rig().pipeline.stop();
  const rig = new Rig();
  rig.writeMany(2);
  expect(await rig.pipeline.drain(1_000)).toBe(2);
});

test("metrics tell what became of the events, with a bounded number of reasons", async () => {
  const rig = startRig({ limits: { maxEvents: 1 }, settings: { maxInFlight: 1 } });
  let writes = 0;
  rig.sink.answer = () => (writes++ < 40 ? { kind: "retryable", reason: `busy, code ${writes}` } : DELIVERED);
  rig.writeMany(1);
  await rig.clock.advance(100_000);
  const text = await rig.registry.metrics();
  expect(text).toContain('millrace_sink_delivered_events_total{sink="fake"} 1');
  expect(text).toContain('millrace_sink_retried_events_total{sink="fake",reason="busy_code_1"} 1');
  expect(text).toContain('millrace_sink_retried_events_total{sink="fake",reason="other"} 10');
  expect(text).toContain('millrace_sink_lag_events{sink="fake"} 0');
  expect(text.match(/millrace_sink_retried_events_total\{/g)).toHaveLength(31);
  await rig.pipeline.stop();
  expect(await rig.registry.metrics()).not.toContain("millrace_sink_lag_events{");
});
