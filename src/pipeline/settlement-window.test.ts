import * as fc from "fast-check";
import { expect, test } from "vitest";
import { SettlementWindow } from "./settlement-window.ts";
import { OUTCOMES, type Settled, STANDING } from "./standing.ts";

function windowOf(positions: readonly number[], from = 0): SettlementWindow {
  const window = new SettlementWindow(from, 16);
  for (const position of positions) window.admit(position, position % 2 === 0 ? "web" : "app", 1_000 + position, 100);
  return window;
}

test("the cursor waits for the oldest event, then passes all that are settled", () => {
  const window = windowOf([0, 1, 2, 3]);
  window.settle(1, STANDING.delivered);
  window.settle(2, STANDING.deadLettered);
  expect(window.advance()).toBeUndefined();
  expect(window.bytes).toBe(400);
  expect(window.oldestReceivedMs).toBe(1_000);
  window.settle(0, STANDING.delivered);
  expect(window.advance()).toEqual({
    cursor: 3,
    missing: 0,
    counts: [
      { source: "web", outcome: { kind: "delivered" }, events: 1 },
      { source: "app", outcome: { kind: "delivered" }, events: 1 },
      { source: "web", outcome: { kind: "dead-lettered" }, events: 1 },
    ],
  });
  expect(window.unsettled).toBe(1);
  expect(window.bytes).toBe(100);
  expect(window.oldestReceivedMs).toBe(1_003);
});

test("events of one source and outcome make one count", () => {
  const window = windowOf([0, 1, 2, 3, 4]);
  for (const position of [4, 3, 2, 1, 0]) window.settle(position, STANDING.filtered);
  expect(window.advance()?.counts).toEqual([
    { source: "web", outcome: { kind: "dropped", reason: "filtered" }, events: 3 },
    { source: "app", outcome: { kind: "dropped", reason: "filtered" }, events: 2 },
  ]);
});

test("positions the journal lost are passed as missing, however many, also after the last event", () => {
  const window = windowOf([5, 6, 1_000_000]);
  window.skipTo(1_000_010);
  expect(window.advance()).toEqual({ cursor: 5, counts: [], missing: 5 });
  window.settle(1_000_000, STANDING.delivered);
  window.settle(5, STANDING.delivered);
  expect(window.standingOf(7)).toBe(STANDING.lost);
  expect(window.advance()).toMatchObject({ cursor: 6, missing: 0 });
  window.settle(6, STANDING.delivered);
  expect(window.advance()).toMatchObject({ cursor: 1_000_010, missing: 999_993 + 9 });
  expect(window.standingOf(7)).toBe(STANDING.lost);
  expect(window.standingOf(1_000_000)).toBe(STANDING.delivered);
});

test("a window that grows far beyond its first size keeps every event, wherever its ring begins", () => {
  const window = new SettlementWindow(0, 20_000);
  let end = 0;
  const admit = (count: number) => {
    for (const last = end + count; end < last; end++) window.admit(end, end % 3 === 0 ? "web" : "app", end, 1);
  };
  admit(3_000);
  for (let position = 0; position < 1_000; position++) window.settle(position, STANDING.delivered);
  window.advance();
  admit(15_000);
  expect(window.oldestReceivedMs).toBe(1_000);
  for (let position = 1_000; position < end; position++) {
    expect(window.standingOf(position)).toBe(STANDING.held);
    window.settle(position, position % 2 === 0 ? STANDING.delivered : STANDING.deadLettered);
  }
  const counts = window.advance()?.counts ?? [];
  expect(window.cursor).toBe(18_000);
  expect(window.bytes).toBe(0);
  expect(counts.reduce((sum, { events }) => sum + events, 0)).toBe(17_000);
  // Of the positions from 1,000 up to 18,000 those that 6 divides came from web and were delivered.
  expect(counts.find(({ source, outcome }) => source === "web" && outcome.kind === "delivered")?.events).toBe(2_833);
});

test("an event is settled once", () => {
  const window = windowOf([0]);
  window.settle(0, STANDING.delivered);
  expect(() => window.settle(0, STANDING.delivered)).toThrow("settled once");
});

test("it refuses more events than it has room for", () => {
  const window = windowOf([...Array(16).keys()]);
  expect(window.room).toBe(0);
  expect(() => window.admit(16, "web", 0, 100)).toThrow("make room");
});

test("a position is known by its standing on both sides of the cursor", () => {
  const window = windowOf([10, 11, 12, 13], 10);
  window.settle(10, STANDING.filterError);
  window.settle(11, STANDING.delivered);
  window.settle(13, STANDING.deadLettered);
  const standings = () => [9, 10, 11, 12, 13, 14].map((position) => window.standingOf(position));
  const expected = [
    STANDING.forgotten,
    STANDING.filterError,
    STANDING.delivered,
    STANDING.held,
    STANDING.deadLettered,
    STANDING.held,
  ];
  expect(standings()).toEqual(expected);
  window.advance();
  expect(window.cursor).toBe(12);
  expect(standings()).toEqual(expected);
});

test("in any order and with any gaps, the cursor passes each event once with its source and outcome", () => {
  const outcome = fc.constantFrom<Settled>(STANDING.delivered, STANDING.deadLettered, STANDING.filtered);
  const event = fc.record({ gap: fc.oneof(fc.constant(0), fc.nat(40)), source: fc.constantFrom("a", "b"), outcome });
  fc.assert(
    fc.property(fc.array(event, { maxLength: 60 }), fc.infiniteStream(fc.nat()), (events, picks) => {
      const window = new SettlementWindow(3, 16);
      const held: { position: number; outcome: Settled }[] = [];
      const passed = new Map<string, number>();
      let position = 3;
      let missing = 0;
      const settleOne = () => {
        const pick = (picks.next().value ?? 0) % held.length;
        const [chosen] = held.splice(pick, 1);
        if (chosen !== undefined) window.settle(chosen.position, chosen.outcome);
        const before = window.cursor;
        const move = window.advance();
        let moved = move?.missing ?? 0;
        missing += moved;
        for (const { source, outcome: kind, events: count } of move?.counts ?? []) {
          const key = `${source} ${kind.kind}`;
          passed.set(key, (passed.get(key) ?? 0) + count);
          moved += count;
        }
        expect(window.cursor).toBe(before + moved);
        for (const other of held) expect(window.cursor).toBeLessThanOrEqual(other.position);
      };
      const expected = new Map<string, number>();
      for (const { gap, source, outcome: as } of events) {
        while (window.room === 0) settleOne();
        position += gap;
        window.admit(position, source, 0, 100);
        held.push({ position, outcome: as });
        position++;
        const key = `${source} ${OUTCOMES[as].kind}`;
        expected.set(key, (expected.get(key) ?? 0) + 1);
      }
      while (held.length > 0) settleOne();
      expect(window.cursor).toBe(position);
      expect(missing).toBe(position - 3 - events.length);
      expect(passed).toEqual(expected);
    }),
  );
});
