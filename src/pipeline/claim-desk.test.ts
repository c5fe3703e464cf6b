import { hash } from "node:crypto";
import { expect, onTestFinished, test } from "vitest";
import { turn } from "./testing/fake-clock.ts";
import { FakeClaims, joinedWithClaim } from "./testing/fake-claims.ts";
import { Rig, type RigOptions } from "./testing/rig.ts";

const LARGE = { bytes: Buffer.from(JSON.stringify({ id: "id", data: "x".repeat(600) })) };
const RETRY = { minDelayMs: 100, maxDelayMs: 1_000, maxAgeMs: 0 };

function startRig(options: RigOptions = {}) {
  const claims = new FakeClaims();
  const rig = new Rig({ claims, ...options });
  const sent: Buffer[] = [];
  rig.sink.answer = (batch) => {
    sent.push(...batch.map(({ bytes }) => bytes));
    return { kind: "delivered" };
  };
  rig.pipeline.start();
  onTestFinished(() => rig.pipeline.stop());
  return { rig, claims, sent };
}

test("an event too large for the sink is delivered as a pointer, its data is stored, and its neighbours are none the wiser", async () => {
  const { rig, claims, sent } = startRig();
  rig.write({}, LARGE, {});
  await rig.clock.advance(200);
  expect(rig.ledger.rows()).toMatchObject([{ delivered: 3, deadLettered: 0, held: 0 }]);
  expect(rig.cursor).toBe(3);
  const joined = sent.map((bytes) => joinedWithClaim(bytes, (uri) => claims.stored.get(uri)).toString());
  expect(joined.toSorted()).toEqual([LARGE.bytes.toString(), '{"type":"test"}', '{"type":"test"}'].toSorted());
  expect(await rig.registry.getSingleMetricAsString("millrace_sink_claimed_events_total")).toContain("} 1");
});

test("no pointer is sent before its data is stored; while the store is down others go on", async () => {
  const { rig, claims, sent } = startRig();
  claims.answer = () => Promise.reject(new Error("no such bucket"));
  rig.write({}, LARGE, {});
  await rig.clock.advance(5_000);
  expect(sent.length).toBe(2);
  expect(rig.ledger.rows()).toMatchObject([{ delivered: 1, held: 2 }]);
  expect(rig.cursor, "over what is settled only").toBe(1);
  expect(claims.attempts.length, "with growing pauses").toBeLessThan(20);
  expect(rig.logged.filter(({ msg }) => msg.includes("cannot store")).length).toBe(1);

  claims.answer = () => Promise.resolve();
  await rig.clock.advance(2_000);
  expect(rig.ledger.rows()).toMatchObject([{ delivered: 3, held: 0 }]);
  expect(claims.stored.size).toBe(1);
});

test("data that is not stored within timeoutMs counts as not stored, whatever the store does", async () => {
  const { rig, claims, sent } = startRig();
  claims.answer = () => new Promise(() => {});
  rig.write(LARGE);
  await rig.clock.advance(1_100);
  expect(sent).toEqual([]);
  claims.answer = () => Promise.resolve();
  await rig.clock.advance(3_000);
  expect(sent.length).toBe(1);
});

test("a few are stored at a time", async () => {
  const { rig, claims } = startRig();
  claims.answer = () => new Promise(() => {});
  rig.write(...Array.from({ length: 10 }, () => LARGE));
  await turn();
  expect(claims.attempts).toEqual([0, 1, 2, 3]);
});

test("a pointer that the sink does not take is retried like any event, and its data is stored once", async () => {
  const { rig, claims } = startRig();
  let failures = 3;
  rig.sink.answer = () => (failures-- > 0 ? { kind: "retryable", reason: "busy" } : { kind: "delivered" });
  rig.write(LARGE);
  await rig.clock.advance(5_000);
  expect(rig.ledger.rows()).toMatchObject([{ delivered: 1, held: 0 }]);
  expect(claims.attempts).toEqual([0]);
});

test("an event whose pointer is too large as well is dead-lettered whole, with a digest", async () => {
  const { rig, claims } = startRig();
  const bytes = Buffer.from(JSON.stringify({ extension: "x".repeat(400), data: "x".repeat(200) }));
  rig.write({ bytes }, {});
  await rig.clock.advance(200);
  const digest = { bytes: bytes.length, sha256: hash("sha256", bytes) };
  expect(rig.deadLetters).toMatchObject([{ code: "event_too_large", reasons: [/pointer/, digest], event: bytes }]);
  expect(claims.attempts).toEqual([]);
});

test("without a claim check the dead letter has the digest, too", async () => {
  const rig = new Rig();
  rig.pipeline.start();
  rig.write(LARGE);
  await rig.clock.advance(200);
  const digest = { bytes: LARGE.bytes.length, sha256: hash("sha256", LARGE.bytes) };
  expect(rig.deadLetters).toMatchObject([{ code: "event_too_large", reasons: [expect.any(String), digest] }]);
  await rig.pipeline.stop();
});

test("an event that cannot be stored for retry.maxAgeMs is given up, whole", async () => {
  const { rig, claims } = startRig({ settings: { retry: { ...RETRY, maxAgeMs: 2_000 } } });
  claims.answer = () => Promise.reject(new Error("no space left"));
  rig.write(LARGE);
  await rig.clock.advance(10_000);
  expect(rig.deadLetters).toMatchObject([
    { code: "retry_expired", reasons: [expect.stringContaining("no space left"), {}], event: LARGE.bytes },
  ]);
  expect(rig.ledger.rows()).toMatchObject([{ deadLettered: 1, held: 0 }]);
});

test("a drain tries a store that failed at once, and waits for pointers to be delivered", async () => {
  const { rig, claims } = startRig({ settings: { retry: { ...RETRY, minDelayMs: 60_000, maxDelayMs: 60_000 } } });
  claims.answer = () => Promise.reject(new Error("busy"));
  rig.write(LARGE);
  await rig.clock.advance(1_000);
  claims.answer = () => Promise.resolve();
  const drained = rig.pipeline.drain(10_000);
  await rig.clock.advance(100);
  expect(await drained).toBe(0);
  expect(claims.closed).toBe(1);
});

test("a stop leaves what is not stored to the next pipeline", async () => {
  const { rig, claims, sent } = startRig();
  const storing = Promise.withResolvers<void>();
  claims.answer = () => storing.promise;
  rig.write(LARGE);
  await turn();
  await rig.pipeline.stop();
  storing.resolve();
  await rig.clock.advance(1_000);
  expect(sent).toEqual([]);
  expect(rig.cursor).toBe(0);
});

test("what waits for the store counts until it is stored, so that no more is read than may be held", async () => {
  const { rig, claims } = startRig({ limits: { maxEventBytes: 200, maxBytes: 1_000 } });
  claims.answer = () => Promise.reject(new Error("down"));
  const MiB = 1024 ** 2;
  const large = () => ({ bytes: Buffer.from(`{"data":"${"x".repeat(MiB)}"}`) });
  rig.write(...Array.from({ length: 40 }, large));
  await rig.clock.advance(10_000);
  expect(rig.journal.read.length).toBeLessThanOrEqual(33);
  claims.answer = () => Promise.resolve();
  await rig.clock.advance(60_000);
  expect(rig.ledger.rows()).toMatchObject([{ delivered: 40, held: 0 }]);
});
