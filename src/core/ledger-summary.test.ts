import { expect, test } from "vitest";
import { Ledger } from "./ledger.ts";
import { summarize } from "./ledger-summary.ts";

function ledgerOf(source: string, events: number): Ledger {
  const ledger = new Ledger();
  ledger.open("stream");
  ledger.accept(
    Array.from({ length: events }, (_, position) => ({
      position,
      source,
      id: String(position),
      type: "t",
      receivedMs: 0,
      bytes: Buffer.alloc(0),
    })),
  );
  return ledger;
}

test("the ledgers of all slots add up, row by row and reason by reason", () => {
  const [a, b, c] = [ledgerOf("web", 10), ledgerOf("web", 5), ledgerOf("app", 2)];
  a.settle("stream", 4, [
    { source: "web", outcome: { kind: "delivered" }, events: 3 },
    { source: "web", outcome: { kind: "dropped", reason: "filtered" }, events: 1 },
  ]);
  b.settle("stream", 3, [
    { source: "web", outcome: { kind: "dropped", reason: "filtered" }, events: 2 },
    { source: "web", outcome: { kind: "dead-lettered" }, events: 1 },
  ]);
  b.quarantine("web", 7);
  c.quarantine("app", 1);
  a.filter("web", "sampled", 5);
  b.filter("web", "sampled", 1);
  c.filter("app", "bot", 2);
  b.reportClientDropped("web", "queue_full", 3);
  expect(summarize([a, b, c])).toEqual({
    balanced: true,
    complete: true,
    missing: [],
    accepted: { web: 15, app: 2 },
    quarantined: { web: 7, app: 1 },
    filtered: { web: { sampled: 6 }, app: { bot: 2 } },
    clientDropped: { web: { queue_full: 3 } },
    rows: [
      { source: "web", sink: "stream", accepted: 15, delivered: 3, deadLettered: 1, dropped: { filtered: 3 }, held: 8 },
      { source: "app", sink: "stream", accepted: 2, delivered: 0, deadLettered: 0, dropped: {}, held: 2 },
    ],
  });
  expect(summarize([], ["1"])).toEqual({
    balanced: true,
    complete: false,
    missing: ["1"],
    accepted: {},
    quarantined: {},
    filtered: {},
    clientDropped: {},
    rows: [],
  });
});

test("one ledger that does not balance shows in the sum", () => {
  const checkpoint = ledgerOf("web", 3).checkpoint();
  expect(summarize([ledgerOf("web", 3), new Ledger({ ...checkpoint, countedTo: 4 })]).balanced).toBe(false);
});
