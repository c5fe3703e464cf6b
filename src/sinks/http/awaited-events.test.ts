import { expect, test } from "vitest";
import type { Clock } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { CallResult } from "../../outbound/http-client.ts";
import { AwaitedEvents } from "./awaited-events.ts";

/** Timers are due at once. */
const CLOCK: Clock = {
  nowMs: () => 0,
  monotonicMs: () => 0,
  after(_delayMs, run) {
    const timer = setImmediate(run);
    return { cancel: () => clearImmediate(timer) };
  },
};

function reply(status: number, body: object, headers = {}): CallResult {
  return { kind: "reply", status, headers, body: Buffer.from(JSON.stringify(body)) };
}

const DELIVERED = reply(200, { delivery: "delivered" });

function events(count: number): CollectedEvent[] {
  const rest = { id: "", type: "", source: "", receivedMs: 0, bytes: Buffer.alloc(0) };
  return Array.from({ length: count }, (_, position) => ({ position, ...rest }));
}

/** With the answers in turn, the last one for all that follows. */
function open(batch: readonly CollectedEvent[], receipts: readonly string[], answers: readonly CallResult[]) {
  const asked: string[] = [];
  const awaited = new AwaitedEvents({
    ask(last, count) {
      const answer = answers[Math.min(asked.length, answers.length - 1)] ?? DELIVERED;
      asked.push(`${last} ${count}`);
      return Promise.resolve(answer);
    },
    clock: CLOCK,
    pollMs: 50,
  });
  for (const [index, receipt] of receipts.entries()) {
    const event = batch[index];
    if (event !== undefined) awaited.add(event, { receipt, node: "n1" });
  }
  return { awaited, asked };
}

const { signal } = new AbortController();

test("receipts that follow each other are asked about at once, slot by slot", async () => {
  const batch = events(6);
  const { awaited, asked } = open(batch, ["0-7", "1-3", "0-8", "0-6", "0-11"], []);
  const fates = await awaited.settle(batch, signal);
  expect(asked).toEqual(["0-8 3", "0-11 1", "1-3 1"]);
  // The last one is not awaited, and nothing is said of it.
  expect(new Set(fates.keys())).toEqual(new Set([0, 1, 2, 3, 4]));
  expect(batch.some((event) => awaited.has(event))).toBe(false);
});

test("no more than a thousand are asked about at once", async () => {
  const batch = events(2_100);
  const { awaited, asked } = open(
    batch,
    batch.map(({ position }) => `0-${position}`),
    [],
  );
  await awaited.settle(batch, signal);
  expect(asked).toEqual(["0-999 1000", "0-1999 1000", "0-2099 100"]);
});

test("they are asked about until they are settled, whatever else is answered meanwhile", async () => {
  const batch = events(2);
  const { awaited, asked } = open(
    batch,
    ["0-1", "0-2"],
    [
      reply(200, { delivery: "pending" }),
      { kind: "no-reply", reason: "down" },
      reply(503, { code: "receipt_unavailable" }),
      reply(403, {}),
      reply(404, { code: "not_found" }),
      reply(200, { delivery: "undelivered" }),
      reply(200, { delivery: "undelivered", undelivered: [] }),
      reply(200, { delivery: "undelivered", undelivered: [{}] }),
      reply(200, { delivery: "undelivered", undelivered: [{ receipt: "0-9" }] }),
      DELIVERED,
    ],
  );
  const fates = await awaited.settle(batch, signal);
  expect([...fates.values()]).toEqual([{ kind: "delivered" }, { kind: "delivered" }]);
  expect(asked).toHaveLength(10);
});

test("what a sink of the receiver refused is rejected, and the others are delivered", async () => {
  const batch = events(3);
  const undelivered = [{ receipt: "0-2", sink: "stream", state: "dead-lettered" }];
  const { awaited } = open(batch, ["0-1", "0-2", "0-3"], [reply(200, { delivery: "undelivered", undelivered })]);
  const fates = await awaited.settle(batch, signal);
  expect([...fates.values()].map(({ kind }) => kind)).toEqual(["delivered", "rejected", "delivered"]);
  expect(fates.get(1)).toMatchObject({ reason: expect.stringMatching(/sink stream.*\(0-2\)/) });
});

test("an event that the receiver has lost is sent again", async () => {
  const batch = events(2);
  const undelivered = [{ receipt: "0-1", sink: "stream", state: "lost" }];
  const { awaited } = open(batch, ["0-1", "0-2"], [reply(200, { delivery: "undelivered", undelivered })]);
  const fates = await awaited.settle(batch, signal);
  expect([...fates.values()].map(({ kind }) => kind)).toEqual(["retryable", "delivered"]);
  expect(batch.some((event) => awaited.has(event))).toBe(false);
});

test("an event whose receipt is not known any more is sent again", async () => {
  const batch = events(1);
  const { awaited } = open(batch, ["0-1"], [reply(404, { code: "receipt_not_found" })]);
  expect((await awaited.settle(batch, signal)).get(0)?.kind).toBe("retryable");
  expect(batch.some((event) => awaited.has(event))).toBe(false);
});

test("what another node says of its own receipt of that name is not believed, and the event is sent again", async () => {
  const batch = events(2);
  const { awaited } = open(batch, ["0-1", "0-2"], [reply(200, { delivery: "delivered" }, { "millrace-node": "n2" })]);
  const fates = await awaited.settle(batch, signal);
  expect([...fates.values()].map(({ kind }) => kind)).toEqual(["retryable", "retryable"]);
  expect(batch.some((event) => awaited.has(event))).toBe(false);
});

test("receipts of several nodes are asked about apart", async () => {
  const batch = events(2);
  const { awaited, asked } = open([], [], []);
  for (const [index, event] of batch.entries()) awaited.add(event, { receipt: `0-${index}`, node: `n${index}` });
  await awaited.settle(batch, signal);
  expect(asked).toEqual(["0-0 1", "0-1 1"]);
});

test.each<[string, CallResult]>([
  ["sinks do not have it yet", reply(200, { delivery: "pending" })],
  ["HTTP 401", reply(401, {})],
  ["cannot be asked what became of it: down", { kind: "no-reply", reason: "down" }],
])("what is waited for in vain says why: %s", async (words, answer) => {
  const batch = events(1);
  const { awaited, asked } = open(batch, ["0-1"], [answer]);
  const abort = new AbortController();
  const settling = awaited.settle(batch, abort.signal);
  await expect.poll(() => asked.length).toBeGreaterThan(1);
  abort.abort();
  expect((await settling).get(0)).toEqual({ kind: "retryable", reason: expect.stringContaining(words) });
});

test("a wait that is aborted leaves the receipts for the next one", async () => {
  const batch = events(2);
  const { awaited } = open(batch, ["0-1", "0-2"], [reply(200, { delivery: "pending" })]);
  const abort = new AbortController();
  const settling = awaited.settle(batch, abort.signal);
  setImmediate(() => abort.abort());
  expect([...(await settling).values()].map(({ kind }) => kind)).toEqual(["retryable", "retryable"]);
  expect(batch.every((event) => awaited.has(event))).toBe(true);
});
