import { expect, test } from "vitest";
import { type Level, Oracle } from "./oracle.ts";
import type { SinkRecord } from "./sink-record.ts";
import { compareLedger, type Excuse, judge, type LedgerReply } from "./verdict.ts";

/** An oracle that has seen `count` events sent at 100 and acknowledged at 110 as `level`. */
function oracleOf(count: number, level: Level = "accepted"): Oracle {
  const oracle = new Oracle();
  for (let seq = 0; seq < count; seq++) {
    oracle.made({ digest: 1_000 + seq });
    oracle.attempted([seq]);
    oracle.acknowledged(seq, level, 100, 110);
  }
  return oracle;
}

interface Storing {
  readonly atMs?: number;
  readonly told?: boolean;
  readonly position?: number;
  readonly digest?: number;
  readonly attributed?: boolean;
}

function store(oracle: Oracle, sink: SinkRecord, seq: number, how: Storing = {}): void {
  const { atMs = 105, told = true, position = seq, digest = 1_000 + seq, attributed = true } = how;
  oracle.stored(sink, { seq, digest, attributed, slot: "0", position }, atMs, told);
}

function storeEverywhere(oracle: Oracle, seq: number, how: Storing = {}): void {
  for (const sink of oracle.sinks) store(oracle, sink, seq, how);
}

function ledgerOf(events: number, changes: Partial<LedgerReply["rows"][number]> = {}): LedgerReply {
  const row = { source: "web", accepted: events, delivered: events, deadLettered: 0, dropped: {}, held: 0 };
  return {
    balanced: true,
    accepted: { web: events },
    quarantined: {},
    rows: [
      { ...row, sink: "stream", ...changes },
      { ...row, sink: "second" },
      { ...row, sink: "files" },
    ],
  };
}

function violationsOf(oracle: Oracle, excuses: readonly Excuse[] = []): string[] {
  judge(oracle, excuses);
  return [...oracle.violations.keys()];
}

test("events that are in every sink, each once and unchanged, break nothing", () => {
  const oracle = oracleOf(3, "delivered");
  for (let seq = 0; seq < 3; seq++) storeEverywhere(oracle, seq);
  compareLedger(oracle, ledgerOf(3), "web");
  expect(violationsOf(oracle)).toEqual([]);
  expect(oracle.owed.size).toBe(0);
});

test.each(["accepted", "durable", "delivered"] as const)(
  "an event acknowledged as %s that one sink lacks is lost",
  (level) => {
    const oracle = oracleOf(2, level);
    storeEverywhere(oracle, 0);
    store(oracle, oracle.stream, 1);
    store(oracle, oracle.second, 1);
    const { lost } = judge(oracle, [{ kind: "worker_end", fromMs: 0, toMs: 1_000 }]);
    expect(lost[level]).toMatchObject({
      events: 1,
      excused: { worker_end: 0, disk: 0, refused: 0 },
      ids: [expect.stringMatching(/0001$/)],
    });
    expect(oracle.violations.get("lost")).toMatchObject({
      events: 1,
      examples: [expect.stringContaining("is not in files")],
    });
  },
);

test("an event that was never acknowledged may be missing", () => {
  const oracle = oracleOf(0);
  oracle.made({ digest: 1 });
  oracle.attempted([0]);
  expect(violationsOf(oracle)).toEqual([]);
});

test("an event acknowledged as received may be lost right before the death of a worker, and at no other time", () => {
  const excuse: Excuse = { kind: "worker_end", fromMs: 300, toMs: 300 };
  expect(violationsOf(oracleOf(1, "received"), [excuse])).toEqual([]);
  // Sent at 100 and answered at 110, before a death, around one, after one, and long before one.
  const lostAt = (atMs: number) => violationsOf(oracleOf(1, "received"), [{ ...excuse, fromMs: atMs, toMs: atMs }]);
  expect([115, 105, 95, 700].map(lostAt)).toEqual([[], [], ["lost"], ["lost"]]);
  expect(violationsOf(oracleOf(1, "received"), [{ ...excuse, kind: "process" }])).toEqual(["lost"]);
  expect(violationsOf(oracleOf(1, "received"), [{ ...excuse, fromMs: 5_000, toMs: 6_000 }])).toEqual(["lost"]);
  expect(violationsOf(oracleOf(1, "received"))).toEqual(["lost"]);
});

test("the strongest of several promises counts", () => {
  const oracle = oracleOf(1, "received");
  oracle.acknowledged(0, "durable", 200, 210);
  oracle.acknowledged(0, "accepted", 300, 310);
  expect(judge(oracle, []).acknowledged).toEqual({ received: 0, accepted: 0, durable: 1, delivered: 0 });
});

test("a changed event is told, and does not count as stored", () => {
  const oracle = oracleOf(1);
  storeEverywhere(oracle, 0, { digest: 5 });
  expect(violationsOf(oracle)).toEqual(["changed", "lost"]);
});

test("an event without the collector's attributes is told", () => {
  const oracle = oracleOf(1);
  storeEverywhere(oracle, 0, { attributed: false });
  expect(violationsOf(oracle)).toEqual(["misattributed"]);
});

test("what nobody sent and what is invalid must not be stored", () => {
  const oracle = oracleOf(0);
  oracle.madeInvalid();
  store(oracle, oracle.stream, 0, { digest: 0 });
  store(oracle, oracle.stream, 7);
  oracle.stored(
    oracle.files,
    { seq: undefined, digest: 0, attributed: false, slot: "", position: 0, excerpt: "{}" },
    0,
    true,
  );
  expect(violationsOf(oracle)).toEqual(["invalid_stored", "foreign"]);
});

test("a position of the journal belongs to one event", () => {
  const oracle = oracleOf(2);
  storeEverywhere(oracle, 0, { position: 4 });
  storeEverywhere(oracle, 1, { position: 4 });
  expect(violationsOf(oracle)).toContain("place_reused");
});

test("a position that is one event in one sink and another in another is found out, though no event is missing", () => {
  const oracle = oracleOf(2);
  oracle.attempted([0, 1]);
  for (const seq of [0, 1]) storeEverywhere(oracle, seq);
  store(oracle, oracle.stream, 0, { position: 5 });
  for (const sink of [oracle.second, oracle.files]) store(oracle, sink, 1, { position: 5 });
  expect(violationsOf(oracle)).toEqual(["place_reused"]);
});

test("every position of the journal comes to every sink, whether it was acknowledged or not", () => {
  const oracle = oracleOf(1);
  oracle.attempted([0]);
  storeEverywhere(oracle, 0);
  for (const [index, sink] of oracle.sinks.entries()) store(oracle, sink, 0, { position: index === 0 ? 5 : 6 });
  expect(violationsOf(oracle)).toEqual(["sinks_differ"]);
  expect(oracle.violations.get("sinks_differ")?.examples).toEqual([
    "stream lacks 1, such as 0-6",
    "second lacks 1, such as 0-5",
    "files lacks 1, such as 0-5",
  ]);
});

test("an event is journalled at most as often as it was sent", () => {
  const oracle = oracleOf(1);
  storeEverywhere(oracle, 0, { position: 4 });
  storeEverywhere(oracle, 0, { position: 5 });
  expect(violationsOf(oracle)).toEqual(["stored_too_often"]);

  const resent = oracleOf(1);
  resent.attempted([0]);
  storeEverywhere(resent, 0, { position: 4 });
  storeEverywhere(resent, 0, { position: 5 });
  expect(violationsOf(resent)).toEqual([]);
});

test.each(["stream", "second"])(
  "delivered is told only after both streams have the event: not when %s is late",
  (late) => {
    const oracle = oracleOf(1, "delivered");
    for (const sink of oracle.sinks) store(oracle, sink, 0, { atMs: sink.name === late ? 111 : 110 });
    expect(violationsOf(oracle)).toEqual(["delivered_too_early"]);
  },
);

test("durable is not told while no sync can succeed", () => {
  const oracle = oracleOf(0);
  for (const digest of [1_000, 1_001, 1_002]) oracle.made({ digest });
  oracle.syncFails(200);
  oracle.acknowledged(0, "durable", 190, 210);
  oracle.acknowledged(1, "accepted", 210, 220);
  expect(oracle.violations.size).toBe(0);
  oracle.acknowledged(1, "durable", 210, 220);
  expect([...oracle.violations.keys()]).toEqual(["durable_without_sync"]);
  oracle.syncWorks();
  oracle.acknowledged(2, "durable", 210, 220);
  expect(oracle.violations.get("durable_without_sync")?.events).toBe(1);
});

test("duplicates are told by their cause", () => {
  const oracle = oracleOf(5);
  oracle.attempted([0]);
  storeEverywhere(oracle, 0);
  store(oracle, oracle.stream, 0, { position: 100 });
  store(oracle, oracle.stream, 1, { told: false });
  store(oracle, oracle.stream, 1, { atMs: 200 });
  store(oracle, oracle.stream, 2, { atMs: 300 });
  store(oracle, oracle.stream, 2, { atMs: 500 });
  store(oracle, oracle.stream, 3, { atMs: 700 });
  store(oracle, oracle.stream, 3, { atMs: 900 });
  store(oracle, oracle.stream, 4, { atMs: 1_100 });
  store(oracle, oracle.stream, 4, { atMs: 1_200 });
  const { duplicates } = judge(oracle, [
    { kind: "process", fromMs: 400, toMs: 400 },
    { kind: "sink", fromMs: 600, toMs: 800 },
  ]);
  expect(duplicates).toEqual({ resent: 1, reply_lost: 2, worker_disturbed: 1, unexplained: 1 });
});

test.each([
  ["does not balance", { ...ledgerOf(1), balanced: false }],
  ["counts an event too many as accepted", ledgerOf(1, { accepted: 2, delivered: 1 })],
  ["counts an event too few as delivered", ledgerOf(1, { delivered: 0 })],
  ["has dead letters where nothing was refused", ledgerOf(1, { deadLettered: 1 })],
  ["has dropped something", ledgerOf(1, { dropped: { filtered: 1 } })],
  ["still holds something", ledgerOf(1, { held: 1 })],
  ["has no row for a sink", { ...ledgerOf(1), rows: ledgerOf(1).rows.slice(0, 1) }],
])("a ledger that %s is found out", (_, ledger) => {
  const oracle = oracleOf(1);
  storeEverywhere(oracle, 0);
  compareLedger(oracle, ledger, "web");
  expect([...oracle.violations.keys()]).toEqual(["ledger_disagrees"]);
});
