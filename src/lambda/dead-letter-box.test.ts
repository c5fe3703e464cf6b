import { expect, test } from "vitest";
import type { Batch, Receipt, Sink } from "../core/sink.ts";
import { DeadLetterBox } from "./dead-letter-box.ts";

/** Answers each write in turn, the last answer for all that follow. */
function boxWith(...receipts: readonly Receipt[]) {
  const writes: number[] = [];
  const printed: string[] = [];
  const sink: Sink = {
    name: "letters",
    type: "memory",
    limits: { maxEvents: 10, maxBytes: 10_000, maxEventBytes: 1_000, maxAgeMs: 1 },
    eventBytes: ({ bytes }) => bytes.length,
    async write(batch: Batch) {
      writes.push(batch.length);
      return receipts[Math.min(writes.length, receipts.length) - 1] ?? { kind: "delivered" };
    },
    check: async () => [],
    close: async () => {},
  };
  const box = new DeadLetterBox({ sink, timeoutMs: 10_000, print: (line) => printed.push(line), nowMs: () => 0 });
  return { box, writes, printed };
}

const entry = (text: string) => ({
  atMs: 0,
  source: "web",
  code: "not_an_event",
  reasons: [],
  event: Buffer.from(text),
});
const REFUSED: Receipt = { kind: "refused", reason: "no" };
const textIn = (line: string) => Buffer.from(JSON.parse(line).data.eventBase64, "base64").toString();

test("a letter that the sink will never take is printed, and the others are written", async () => {
  const rejected: Receipt = { kind: "partial", fates: [{ kind: "delivered" }, { kind: "rejected", reason: "no" }] };
  const { box, printed } = boxWith(rejected);
  await box.append([entry("a"), entry("b")]);
  expect(printed.map(textIn)).toEqual(["b"]);
});

test("of letters that are refused together each is tried alone", async () => {
  const { box, writes, printed } = boxWith(REFUSED, { kind: "delivered" }, REFUSED);
  await box.append([entry("a"), entry("b")]);
  expect(writes).toEqual([2, 1, 1]);
  expect(printed.map(textIn)).toEqual(["b"]);
});

test("what the sink may take later is not given up", async () => {
  const { box, printed } = boxWith({ kind: "retryable", reason: "busy" });
  await expect(box.append([entry("a")])).rejects.toThrow("busy");
  const later: Receipt = { kind: "partial", fates: [{ kind: "retryable", reason: "later" }] };
  await expect(boxWith(later).box.append([entry("a")])).rejects.toThrow("later");
  expect(printed).toEqual([]);
});

test("a letter that is too large for the sink is printed", async () => {
  const { box, writes, printed } = boxWith();
  await box.append([entry("x".repeat(2_000)), entry("b")]);
  expect([writes, printed.length]).toEqual([[1], 1]);
});
