import { expect, test } from "vitest";
import type { Receipt } from "../core/sink.ts";
import { Rig, type RigOptions } from "./testing/rig.ts";

const RETRYABLE: Receipt = { kind: "retryable", reason: "busy" };

/** What the pipeline said and did with each event, in order. */
function startNoting(options: RigOptions & { window: number; events: number }) {
  const steps: string[] = [];
  const { window, events, ...rest } = options;
  const caution = { window, events, onAttempt: (position: number) => void steps.push(`note ${position}`) };
  const rig = new Rig({ ...rest, caution });
  const sizeOf = rig.sink.eventBytes.bind(rig.sink);
  rig.sink.eventBytes = (event) => {
    // The fake sink looks at sizes again to check its limits.
    if (steps.at(-1) === `note ${event.position}`) steps.push(`size ${event.position}`);
    return sizeOf(event);
  };
  rig.sink.answer = (batch) => {
    steps.push(`send ${batch.map(({ position }) => position).join()}`);
    return { kind: "delivered" };
  };
  return { rig, steps };
}

test("with a window of 1 each event is noted before it is looked at and sent, and settled before the next is read", async () => {
  const { rig, steps } = startNoting({ window: 1, events: 10 });
  rig.writeMany(3);
  rig.pipeline.start();
  await rig.clock.advance(0);
  expect(steps).toEqual(
    [0, 1, 2].flatMap((at) => [`note ${at}`, `size ${at}`, `note ${at}`, `size ${at}`, `send ${at}`]),
  );
  expect(rig.cursor).toBe(3);
});

test("an event is noted before the filter sees it", async () => {
  const { rig, steps } = startNoting({ window: 1, events: 10, settings: { when: 'type == "rare"' } });
  rig.write({}, {}, { type: "rare" });
  rig.pipeline.start();
  await rig.clock.advance(0);
  expect(steps.slice(0, 3)).toEqual(["note 0", "note 1", "note 2"]);
  expect(rig.cursor).toBe(3);
});

test("with a window of 1 a failed event is noted again before each retry, and no other is read meanwhile", async () => {
  const { rig, steps } = startNoting({ window: 1, events: 10 });
  const answer = rig.sink.answer;
  let failures = 3;
  rig.sink.answer = (batch, signal) => (failures-- > 0 ? RETRYABLE : answer(batch, signal));
  rig.writeMany(2);
  rig.pipeline.start();
  await rig.clock.advance(5_000);
  expect(rig.sink.writes).toEqual([[0], [0], [0], [0], [1]]);
  expect(steps.filter((step) => step === "note 0")).toHaveLength(5);
  expect(rig.journal.read).toHaveLength(2);
});

test("no more than the window is read and not settled, and nothing is noted, until the cursor has passed as many events as it is for", async () => {
  const { rig, steps } = startNoting({ window: 4, events: 21, limits: { maxEvents: 10 } });
  rig.sink.answer = () => RETRYABLE;
  rig.writeMany(100);
  rig.pipeline.start();
  await rig.clock.advance(5_000);
  expect(rig.journal.read).toHaveLength(4);
  rig.sink.answer = () => ({ kind: "delivered" });
  await rig.clock.advance(5_000);
  expect(rig.cursor).toBe(100);
  const careful = rig.sink.writes.filter(([first = 0]) => first <= 20);
  expect(Math.max(...careful.map((write) => write.length))).toBe(4);
  expect(Math.max(...rig.sink.writes.map((write) => write.length))).toBe(10);
  expect(steps).toEqual([]);
});

test("a gap in the positions does not lift it", async () => {
  const { rig } = startNoting({ window: 1, events: 4, limits: { maxEvents: 10 } });
  rig.writeMany(2);
  rig.lose(1_000_000);
  rig.writeMany(10);
  rig.pipeline.start();
  await rig.clock.advance(5_000);
  expect(rig.sink.writes.slice(0, 4).map((write) => write.length)).toEqual([1, 1, 1, 1]);
  expect(rig.cursor).toBe(rig.journal.end);
});

test("a drain ends cleanly under caution", async () => {
  for (const window of [1, 4]) {
    const { rig } = startNoting({ window, events: 1_000, limits: { maxAgeMs: 900_000 } });
    rig.writeMany(30);
    rig.pipeline.start();
    expect(await rig.pipeline.drain(10_000)).toBe(0);
    expect(rig.cursor).toBe(30);
    expect(rig.clock.pendingTimers).toBe(0);
  }
});

test("what is set aside becomes a dead letter that nothing has looked at, and the others go on", async () => {
  const rig = new Rig({ setAside: new Set([1]), settings: { when: 'data.total > 0 || type == "test"' } });
  const seen: number[] = [];
  rig.sink.eventBytes = ({ position, bytes }) => {
    seen.push(position);
    return bytes.byteLength;
  };
  rig.write({}, { bytes: Buffer.from("not even JSON") }, {});
  rig.pipeline.start();
  await rig.clock.advance(100);
  expect(seen).not.toContain(1);
  expect(rig.sink.writes).toEqual([[0, 2]]);
  expect(rig.deadLetters).toMatchObject([{ position: 1, code: "crashed_worker" }]);
  expect(rig.deadLetters[0]?.reasons).toEqual([expect.stringContaining("the worker died again and again")]);
  expect(rig.cursor).toBe(3);
  expect(rig.ledger.rows()).toMatchObject([{ delivered: 2, deadLettered: 1, held: 0, dropped: {} }]);
});
