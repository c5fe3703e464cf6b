import { expect, test } from "vitest";
import type { Receipt } from "../core/sink.ts";
import { turn } from "./testing/fake-clock.ts";
import { Rig, type RigOptions } from "./testing/rig.ts";

const HOUR_MS = 3_600_000;
const START_MS = 1_700_000_000_000;
const RETRYABLE: Receipt = { kind: "retryable", reason: "down" };

function startDead(options?: RigOptions): Rig {
  const rig = new Rig(options);
  rig.sink.answer = () => RETRYABLE;
  rig.pipeline.start();
  return rig;
}

test("the lag of a sink that is dead since the start is that of what an earlier process wrote", async () => {
  const backlog = Array.from({ length: 50 }, (_, at) => ({
    receivedMs: START_MS - HOUR_MS + at,
    bytes: Buffer.alloc(20),
  }));
  const rig = startDead({ backlog });
  expect(rig.pipeline.health()).toMatchObject({ lagEvents: 50, lagBytes: 1_000, lagMs: HOUR_MS });
  await rig.clock.advance(10_000);
  rig.writeMany(1);
  expect(rig.pipeline.health()).toMatchObject({ lagEvents: 51, lagMs: HOUR_MS + 10_000 });
  rig.sink.answer = () => ({ kind: "delivered" });
  await rig.clock.advance(10_000);
  expect(rig.pipeline.health()).toMatchObject({ lagEvents: 0, lagBytes: 0, lagMs: 0 });
});

test("a pipeline that reads nothing knows its lag all the same", async () => {
  const rig = startDead({ settings: { retry: { minDelayMs: 5_000, maxDelayMs: 5_000, maxAgeMs: 1 } } });
  for (let tries = 0; tries < 5; tries++) {
    rig.writeMany(1);
    await rig.clock.advance(150);
  }
  expect(rig.pipeline.health()).toMatchObject({ state: "open", lagEvents: 0, lagMs: 0 });
  rig.writeMany(3);
  await rig.clock.advance(400);
  expect(rig.pipeline.health()).toMatchObject({ state: "open", inFlight: 0, lagEvents: 3, lagMs: 400 });
});

test("the age of what cannot be read from the disk is that of its writing", async () => {
  const rig = startDead();
  rig.journal.readMode = () => "fails";
  rig.writeMany(1);
  await rig.clock.advance(500);
  expect(rig.pipeline.health()).toMatchObject({ lagEvents: 1, lagMs: 500 });
});

test("positions without events are no lag, nor are events settled ahead of the cursor", async () => {
  const rig = startDead({ limits: { maxEvents: 1 }, settings: { maxInFlight: 1 } });
  rig.sink.answer = (batch) => (batch[0]?.position === 0 ? RETRYABLE : { kind: "delivered" });
  rig.writeMany(4);
  await turn();
  rig.journal.readMode = () => "fails";
  rig.lose(1_000_000);
  rig.writeMany(2);
  expect(rig.cursor).toBe(0);
  expect(rig.pipeline.health().lagEvents).toBe(3);
});

test("setting the wall clock changes no lag", async () => {
  const rig = startDead();
  rig.writeMany(1);
  await rig.clock.advance(10_000);
  for (const jumpMs of [HOUR_MS, -2 * HOUR_MS]) {
    rig.clock.jump(jumpMs);
    expect(rig.pipeline.health().lagMs).toBe(10_000);
  }
});

test("how long a sink has failed does not change when the wall clock is set", async () => {
  const rig = startDead();
  rig.writeMany(1);
  await rig.clock.advance(1_100);
  const { sinceMs } = rig.pipeline.health();
  expect(sinceMs).toBe(START_MS + 100);
  rig.clock.jump(-HOUR_MS);
  expect(rig.pipeline.health().sinceMs).toBe(sinceMs - HOUR_MS);
});

test("metrics show the lag in events, bytes and seconds", async () => {
  const rig = startDead();
  rig.write({ bytes: Buffer.alloc(70) }, { bytes: Buffer.alloc(30) });
  await rig.clock.advance(5_000);
  const text = await rig.registry.metrics();
  expect(text).toContain('millrace_sink_lag_events{sink="fake"} 2');
  expect(text).toContain('millrace_sink_lag_bytes{sink="fake"} 100');
  expect(text).toContain('millrace_sink_lag_seconds{sink="fake"} 5');
});
