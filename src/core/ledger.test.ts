import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "./event.ts";
import { Ledger, type Outcome, type SettledCount } from "./ledger.ts";

function events(first: number, sources: readonly string[]): CollectedEvent[] {
  return sources.map((source, index) => ({
    position: first + index,
    id: `id-${first + index}`,
    type: "test",
    source,
    receivedMs: 0,
    bytes: Buffer.alloc(0),
  }));
}

function oneDelivered(source: string): SettledCount {
  return { source, outcome: { kind: "delivered" }, events: 1 };
}

test("accepted = delivered + dead-lettered + dropped + held, for each source and sink", () => {
  const ledger = new Ledger();
  ledger.open("stream");
  ledger.accept(events(0, ["web", "web", "app", "web"]));
  ledger.settle("stream", 3, [
    { source: "web", outcome: { kind: "delivered" }, events: 1 },
    { source: "web", outcome: { kind: "dropped", reason: "filtered" }, events: 1 },
    { source: "app", outcome: { kind: "dead-lettered" }, events: 1 },
  ]);
  expect(ledger.rows()).toEqual([
    { source: "web", sink: "stream", accepted: 3, delivered: 1, deadLettered: 0, dropped: { filtered: 1 }, held: 1 },
    { source: "app", sink: "stream", accepted: 1, delivered: 0, deadLettered: 1, dropped: {}, held: 0 },
  ]);
  expect(ledger.balances()).toBe(true);
});

test("a cursor moves only over settled events", () => {
  const ledger = new Ledger();
  ledger.open("stream");
  ledger.accept(events(0, ["web", "web"]));
  const one = [{ source: "web", outcome: { kind: "delivered" } as const, events: 1 }];
  expect(() => ledger.settle("stream", 2, one)).toThrow("only over settled events");
  expect(() => ledger.settle("stream", 3, one)).toThrow("within the journal");
});

test("a sink that is added later owes nothing of what came before", () => {
  const ledger = new Ledger();
  ledger.accept(events(0, ["web", "web"]));
  expect(ledger.open("late")).toBe(2);
  expect(ledger.held("late")).toBe(0);
  expect(ledger.lowestCursor()).toBe(2);
});

test("events that the journal lost are written off by source, with the reason", () => {
  const ledger = new Ledger();
  ledger.open("stream");
  ledger.accept(events(0, ["web", "app", "web"]));
  const lost = ledger.writeOff("stream", new Map([["web", 1]]), "journal_damaged");
  expect(lost).toBe(2);
  expect(ledger.rows()[0]).toMatchObject({ source: "web", dropped: { journal_damaged: 1 }, held: 1 });
  expect(ledger.rows()[1]).toMatchObject({ source: "app", dropped: { journal_damaged: 1 }, held: 0 });
  expect(ledger.balances()).toBe(true);
});

test("events found to be missing once the cursor has passed them are written off while others come and go", () => {
  let ledger = new Ledger();
  ledger.open("stream");
  ledger.accept(events(0, ["web", "app", "web", "app"]));
  // Positions 1 and 2 turn out to hold nothing: an app and a web event, but nobody can tell by looking there.
  ledger.settle("stream", 3, [oneDelivered("web")], 2);
  expect(ledger.lacking("stream")).toBe(2);
  ledger = new Ledger(ledger.checkpoint());
  ledger.accept(events(4, ["web"]));
  ledger.settle("stream", 4, [oneDelivered("app")]);
  expect(ledger.writeOff("stream", new Map([["web", 1]]), "journal_damaged")).toBe(2);
  expect(ledger.lacking("stream")).toBe(0);
  expect(ledger.rows()).toMatchObject([
    { source: "web", accepted: 3, delivered: 1, dropped: { journal_damaged: 1 }, held: 1 },
    { source: "app", accepted: 2, delivered: 1, dropped: { journal_damaged: 1 }, held: 0 },
  ]);
  expect(ledger.balances()).toBe(true);
});

test("positions that were skipped hold no events and are not owed", () => {
  const ledger = new Ledger();
  ledger.open("stream");
  ledger.accept(events(0, ["web"]));
  ledger.accept(events(5, ["web"]));
  expect(ledger.held("stream")).toBe(2);
  expect(ledger.balances()).toBe(true);
  ledger.settle("stream", 6, [{ source: "web", outcome: { kind: "delivered" }, events: 2 }], 4);
  expect(ledger.held("stream")).toBe(0);
  expect(ledger.balances()).toBe(true);
});

test("the ledger balances after any history, and after a restart from its checkpoint", () => {
  const outcome: fc.Arbitrary<Outcome> = fc.constantFrom(
    { kind: "delivered" },
    { kind: "dead-lettered" },
    { kind: "dropped", reason: "filtered" },
  );
  const step = fc.record({
    sources: fc.array(fc.constantFrom("a", "b"), { maxLength: 5 }),
    outcome,
    settle: fc.nat(5),
  });
  fc.assert(
    fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
      let ledger = new Ledger();
      ledger.open("one");
      ledger.open("two");
      const journal: CollectedEvent[] = [];
      for (const { sources, outcome: fate, settle } of steps) {
        const added = events(journal.length, sources);
        journal.push(...added);
        ledger.accept(added);
        const from = ledger.cursor("one");
        const passed = journal.slice(from, from + settle);
        const counts = passed.map(({ source }) => ({ source, outcome: fate, events: 1 }));
        ledger.settle("one", from + passed.length, counts);
        ledger = new Ledger(ledger.checkpoint());
        expect(ledger.balances()).toBe(true);
        expect(ledger.held("one")).toBe(journal.length - ledger.cursor("one"));
        expect(ledger.held("two")).toBe(journal.length);
      }
    }),
  );
});

test("of what clients report, 32 reasons a source are told apart, others are counted together, and none is lost", () => {
  let ledger = new Ledger();
  for (let reason = 0; reason < 40; reason++) {
    ledger.reportClientDropped("web", `reason_${"a".repeat(reason)}`, 2);
    ledger = new Ledger(ledger.checkpoint());
  }
  ledger.reportClientDropped("web", "reason_", 1);
  ledger.reportClientDropped("app", "new", 1);
  const { web = {}, app } = ledger.clientDropped();
  expect(Object.keys(web)).toHaveLength(33);
  expect(web).toMatchObject({ reason_: 3, other: 16 });
  expect(app).toEqual({ new: 1 });
});

test("a ledger that has nothing of the kind writes a checkpoint that earlier versions can read", () => {
  expect(Object.keys(new Ledger().checkpoint())).toEqual(["version", "countedTo", "accepted", "quarantined", "sinks"]);
});
