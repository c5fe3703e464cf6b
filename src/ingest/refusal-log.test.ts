import { pino } from "pino";
import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import { RefusalLog } from "./refusal-log.ts";

function open() {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => lines.push(JSON.parse(line) as (typeof lines)[0]) });
  const time = { nowMs: 0 };
  return { lines, time, refusals: new RefusalLog(log, { ...systemClock, monotonicMs: () => time.nowMs }) };
}

test("the operator is told at once why senders are refused and what to do, then once a minute with the count", () => {
  const { lines, time, refusals } = open();
  for (time.nowMs = 0; time.nowMs < 61_000; time.nowMs += 1_000) refusals.add({ code: "journal_full", detail: "" });
  expect(lines).toMatchObject([
    { level: 40, code: "journal_full", requests: 1, msg: expect.stringContaining("raise journal.maxBytes") },
    { level: 40, code: "journal_full", requests: 60 },
  ]);
});

test("what senders do wrong is not logged", () => {
  const { lines, refusals } = open();
  for (const code of ["unknown_key", "events_invalid", "quota_exceeded"] as const) refusals.add({ code, detail: "" });
  expect(lines).toEqual([]);
});
