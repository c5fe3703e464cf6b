import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SinkState, SinkStatus, SlotStatus } from "../core/deliveries.ts";
import { parseReceiptId, receiptId } from "./receipt-id.ts";
import { eventsParameter, findReceipts } from "./receipt-range.ts";
import { countStates, findReceipt } from "./receipts.ts";

test("a receipt id names its slot and position", () => {
  fc.assert(
    fc.property(fc.stringMatching(/^[a-z0-9][a-z0-9_-]{0,20}$/), fc.maxSafeNat(), (slot, position) => {
      expect(parseReceiptId(receiptId(slot, position))).toEqual({ slot, position });
    }),
  );
});

test.each(["", "0", "0-", "-1", "0-01", "0--1", "0-1.5", "0-9007199254740993", "0-1e3", "0-1 "])(
  "%j is no receipt id",
  (text) => {
    const parsed = parseReceiptId(text);
    // `0--1` can be read: as position 1 of a slot named `0-`, which no collector has.
    expect(parsed?.slot === "0").toBe(false);
  },
);

const deliveries = (states: readonly (readonly [boolean, SinkState])[]) => ({
  whenSettled: () => Promise.reject(new Error("not asked")),
  statusOf: () => states.map(([required, state], index) => ({ sink: `sink-${index}`, required, state })),
  statusIn: () => Promise.reject(new Error("not asked")),
});

test.each<[readonly (readonly [boolean, SinkState])[], SinkState]>([
  [
    [
      [true, "delivered"],
      [true, "held"],
    ],
    "held",
  ],
  [
    [
      [true, "delivered"],
      [false, "dropped"],
    ],
    "delivered",
  ],
  [
    [
      [true, "dead-lettered"],
      [true, "held"],
    ],
    "dead-lettered",
  ],
  [[[false, "held"]], "held"],
  [
    [
      [true, "settled"],
      [true, "delivered"],
    ],
    "settled",
  ],
])("with the sinks at %j an event is %s", async (states, state) => {
  expect(await findReceipt("0-1", "0", deliveries(states))).toMatchObject({ id: "0-1", state });
});

test("states are counted sink by sink", () => {
  expect(countStates(deliveries([[true, "held"]]), 5, 3)).toEqual([
    { sink: "sink-0", required: true, events: { held: 3 } },
  ]);
});

test.each<[SlotStatus, object]>([
  [
    { kind: "known", sinks: [{ sink: "stream", required: true, state: "held" }] },
    { id: "7-1", state: "held" },
  ],
  [{ kind: "unused" }, { code: "receipt_not_found" }],
  [{ kind: "no_slot" }, { code: "receipt_not_found" }],
  [{ kind: "no_answer" }, { code: "receipt_unavailable", retryAfterSeconds: 1 }],
])("a receipt of another slot of the node is looked up there: %j", async (status, answer) => {
  const asked: [string, number][] = [];
  const elsewhere = {
    ...deliveries([]),
    statusIn(slot: string, position: number) {
      asked.push([slot, position]);
      return Promise.resolve(status);
    },
  };
  expect(await findReceipt("7-1", "0", elsewhere)).toMatchObject(answer);
  expect(asked).toEqual([["7", 1]]);
});

describe("several receipts at once", () => {
  /** The states of one required sink by position, and of one that is not required. */
  const states = (byPosition: readonly SinkState[]) => ({
    ...deliveries([]),
    statusOf: (position: number): SinkStatus[] | undefined => {
      const state = byPosition[position];
      if (state === undefined) return undefined;
      return [
        { sink: "stream", required: true, state },
        { sink: "copy", required: false, state: "held" },
      ];
    },
  });

  test.each<[SinkState[], object]>([
    [["held", "delivered", "settled", "dropped"], { delivery: "delivered" }],
    [["delivered", "delivered", "held", "dead-lettered"], { delivery: "pending" }],
    [
      ["held", "delivered", "dead-lettered", "delivered"],
      { delivery: "undelivered", undelivered: [{ receipt: "0-2", sink: "stream", state: "dead-lettered" }] },
    ],
    [
      ["held", "delivered", "lost", "delivered"],
      { delivery: "undelivered", undelivered: [{ receipt: "0-2", sink: "stream", state: "lost" }] },
    ],
    [["held", "delivered"], { code: "receipt_not_found" }],
  ])("with events at %j the three up to the last are %j", async (byPosition, expected) => {
    expect(await findReceipts("0-3", 3, "0", states(byPosition))).toMatchObject(expected);
  });

  test("cannot begin before the first event", async () => {
    expect(await findReceipts("0-3", 5, "0", states([]))).toMatchObject({ code: "receipt_malformed" });
  });

  test.each([
    ["/v1/receipts/0-3", undefined],
    ["/v1/receipts/0-3?events=500&key=k", 500],
    ["/v1/receipts/0-3?key=k&events=1000", 1_000],
    ["/v1/receipts/0-3?events=1001", { code: "query_invalid" }],
    ["/v1/receipts/0-3?events=0", { code: "query_invalid" }],
    ["/v1/receipts/0-3?events=many", { code: "query_invalid" }],
  ])("%s asks for %j", (target, expected) => {
    const actual = eventsParameter(target);
    if (typeof expected === "object") expect(actual).toMatchObject(expected);
    else expect(actual).toBe(expected);
  });
});
