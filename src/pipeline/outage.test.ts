import { expect, test } from "vitest";
import type { Receipt } from "../core/sink.ts";
import { turn } from "./testing/fake-clock.ts";
import { Rig, type RigOptions } from "./testing/rig.ts";

const HOUR_MS = 3_600_000;
const START_MS = 1_700_000_000_000;
const DOWN: Receipt = { kind: "retryable", reason: "down" };
const DELIVERED: Receipt = { kind: "delivered" };
const RETRY = { minDelayMs: 100, maxDelayMs: 30_000, maxAgeMs: 0 };

/** A rig whose sink takes 10 ms for each answer. */
function startRig(options: RigOptions = {}): Rig {
  const rig = new Rig({ ...options, settings: { retry: RETRY, ...options.settings } });
  answerWith(rig, DOWN);
  rig.pipeline.start();
  return rig;
}

function answerWith(rig: Rig, receipt: Receipt): void {
  rig.sink.answer = async () => {
    await new Promise<void>((resolve) => rig.clock.after(10, resolve));
    return receipt;
  };
}

/** Lets time pass until all is settled; returns how long it took. */
async function settleAll(rig: Rig, atMostMs: number): Promise<number> {
  const startMs = rig.clock.monotonicMs();
  while (rig.cursor < rig.journal.end && rig.clock.monotonicMs() - startMs < atMostMs) await rig.clock.advance(10);
  return rig.clock.monotonicMs() - startMs;
}

test("after hours of outage everything goes out at full speed from the first answer on", async () => {
  const rig = startRig();
  rig.writeMany(2_000);
  await rig.clock.advance(3 * HOUR_MS);
  answerWith(rig, DELIVERED);
  const probes = rig.sink.writes.length;
  while (rig.sink.writes.length === probes) await rig.clock.advance(10);
  // 200 batches of 10, two at a time, 10 ms each.
  expect(await settleAll(rig, HOUR_MS)).toBeLessThanOrEqual(1_100);
});

test("what is throttled for hours holds up nothing else, and goes out without delay once it may", async () => {
  const rig = startRig({ limits: { maxEvents: 20 }, settings: { maxInFlight: 4 } });
  let isThrottled = true;
  rig.sink.answer = async (batch) => {
    await new Promise<void>((resolve) => rig.clock.after(10, resolve));
    if (!isThrottled) return DELIVERED;
    // One shard of the destination takes nothing, the others do.
    return {
      kind: "partial",
      fates: batch.map(({ type }) => (type === "hot" ? { kind: "retryable", reason: "throttled" } : DELIVERED)),
    };
  };
  rig.write(...Array.from({ length: 2_000 }, () => ({ type: "hot" })));
  for (let minute = 0; minute < 120; minute++) {
    rig.write({ type: "cold" });
    await rig.clock.advance(60_000);
  }
  expect(rig.sink.taken.size).toBe(120);
  isThrottled = false;
  const retries = rig.sink.writes.length;
  while (rig.sink.writes.length === retries) await rig.clock.advance(10);
  expect(await settleAll(rig, HOUR_MS)).toBeLessThanOrEqual(500);
});

test("a single event that gets through a throttled sink does not bring a storm of retries", async () => {
  const rig = startRig({ limits: { maxEvents: 20 }, settings: { maxInFlight: 4 } });
  rig.sink.answer = (batch) => ({
    kind: "partial",
    fates: batch.map(({ type }) => (type === "hot" ? { kind: "retryable", reason: "throttled" } : DELIVERED)),
  });
  rig.write(...Array.from({ length: 2_000 }, () => ({ type: "hot" })));
  await rig.clock.advance(HOUR_MS);
  const before = rig.sink.writes.flat().length;
  rig.write({ type: "cold" });
  await rig.clock.advance(1_000);
  expect(rig.sink.writes.flat().length - before).toBeLessThan(2_000 / 4);
});

test("a dead sink is probed with its oldest events, reads no others, and then gets all in order", async () => {
  const rig = startRig({ settings: { maxInFlight: 1 } });
  rig.writeMany(1_000);
  await rig.clock.advance(HOUR_MS);
  const read = rig.journal.read.length;
  const attempts = rig.sink.writes.length;
  await rig.clock.advance(HOUR_MS);
  expect(rig.journal.read).toHaveLength(read);
  const probes = rig.sink.writes.slice(attempts);
  expect(probes.length).toBeGreaterThan(10);
  for (const probe of probes) expect(probe).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  answerWith(rig, DELIVERED);
  await settleAll(rig, HOUR_MS);
  expect([...rig.sink.taken.keys()]).toEqual(Array.from({ length: 1_000 }, (_, position) => position));
});

test("after an outage an event that fails again waits as for the first time", async () => {
  const rig = startRig({ limits: { maxEvents: 1 }, settings: { maxInFlight: 1 } });
  rig.writeMany(2);
  await rig.clock.advance(HOUR_MS);
  let fails = 1;
  rig.sink.answer = ([event]) => (event?.position === 1 && fails-- > 0 ? DOWN : DELIVERED);
  await settleAll(rig, HOUR_MS);
  const [, last] = [rig.sink.writes.length, rig.clock.monotonicMs()];
  expect(rig.sink.writes.slice(-3)).toEqual([[0], [1], [1]]);
  expect(last).toBeLessThan(HOUR_MS + 30_000 + 200);
});

test("retry.maxAgeMs counts from the receipt: what is too old is tried once and given up", async () => {
  const backlog = [{ receivedMs: START_MS - HOUR_MS }, { receivedMs: START_MS - 60_000 }];
  const rig = startRig({ backlog, limits: { maxEvents: 1 }, settings: { retry: { ...RETRY, maxAgeMs: HOUR_MS / 2 } } });
  await rig.clock.advance(1_000);
  expect(rig.deadLetters).toMatchObject([{ position: 0, code: "retry_expired", reasons: ["down"] }]);
  expect(rig.sink.writes.filter(([position]) => position === 0)).toHaveLength(1);
  await rig.clock.advance(HOUR_MS / 2);
  expect(rig.cursor).toBe(2);
});

test("an event older than retry.maxAgeMs is delivered all the same when the sink takes it", async () => {
  const backlog = [{ receivedMs: START_MS - HOUR_MS }];
  const rig = startRig({ backlog, settings: { retry: { ...RETRY, maxAgeMs: 1_000 } } });
  answerWith(rig, DELIVERED);
  await rig.clock.advance(1_000);
  expect(rig.deadLetters).toEqual([]);
  expect(rig.cursor).toBe(1);
});

test.each([2 * HOUR_MS, -2 * HOUR_MS])(
  "a wall clock set by %i ms makes no event expire early, and none immortal",
  async (jumpMs) => {
    const maxAgeMs = HOUR_MS / 2;
    const rig = startRig({ settings: { retry: { ...RETRY, maxAgeMs } } });
    rig.writeMany(1);
    await rig.clock.advance(60_000);
    rig.clock.jump(jumpMs);
    rig.writeMany(1);
    await rig.clock.advance(maxAgeMs - 60_000 - 1_000);
    expect(rig.deadLetters).toEqual([]);
    await rig.clock.advance(32_000);
    expect(rig.deadLetters).toMatchObject([{ position: 0 }]);
    await rig.clock.advance(62_000);
    expect(rig.deadLetters).toMatchObject([{ position: 0 }, { position: 1 }]);
  },
);

test("senders who wait for a dead sink are told once it is back", async () => {
  const rig = startRig();
  await turn();
  const { signal } = new AbortController();
  const waits = Array.from({ length: 500 }, (_, position) => rig.pipeline.whenSettled(position, 1, signal));
  rig.writeMany(500);
  await rig.clock.advance(HOUR_MS);
  answerWith(rig, DELIVERED);
  await settleAll(rig, HOUR_MS);
  expect(new Set(await Promise.all(waits))).toEqual(new Set(["delivered"]));
});
