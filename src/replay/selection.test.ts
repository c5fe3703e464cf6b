import { expect, test } from "vitest";
import type { StoredItem } from "./event-store.ts";
import { Selection, type SelectionOptions } from "./selection.ts";
import { ALL_TIME, hourOfId, mayHold, readTime } from "./time-range.ts";

const HOUR_MS = 3_600_000;

function skips(options: Partial<SelectionOptions>, item: Partial<StoredItem> = {}): string | undefined {
  const bytes = Buffer.from('{"id":"1","type":"checkout.paid","source":"web","data":{"total":5}}');
  const event = { id: "1", type: "checkout.paid", source: "web", receivedMs: 1_000, bytes };
  return new Selection({ range: ALL_TIME, types: [], codes: [], ...options }).skips({ index: 1, event, ...item });
}

test("events are chosen by time, type, filter, sink and code, and what is not chosen has its reason", () => {
  expect(skips({})).toBeUndefined();
  expect(skips({ range: { sinceMs: 1_000, untilMs: 1_001 } })).toBeUndefined();
  expect(skips({ range: { sinceMs: 0, untilMs: 1_000 } })).toBe("out_of_time");
  expect(skips({ types: ["page.*", "checkout.*"] })).toBeUndefined();
  expect(skips({ types: ["checkout"] })).toBe("other_type");
  expect(skips({ types: ["checkout?paid"] })).toBe("other_type");
  expect(skips({ filter: "data.total > 4" })).toBeUndefined();
  expect(skips({ filter: "data.total > 5" })).toBe("filtered");
  expect(skips({ filter: "data.nothing > 5" })).toBe("filter_error");
  const rejection = { code: "rejected_by_sink", sink: "stream", reasons: [] };
  expect(skips({ sink: "stream", codes: ["rejected_by_sink"] }, { rejection })).toBeUndefined();
  expect(skips({ sink: "search" }, { rejection })).toBe("other_sink");
  expect(skips({ codes: ["retry_expired"] }, { rejection })).toBe("other_code");
  expect(skips({}, { skip: "still_owed" })).toBe("still_owed");
  expect(() => skips({ filter: "data." })).toThrow("filter");
});

test("times are dates, times with an offset, or so long ago", () => {
  const nowMs = Date.parse("2026-11-23T12:00:00Z");
  expect(readTime("2h", nowMs)).toBe(nowMs - 2 * HOUR_MS);
  expect(readTime("1.5d", nowMs)).toBe(nowMs - 36 * HOUR_MS);
  expect(readTime("2026-11-23", nowMs)).toBe(Date.parse("2026-11-23T00:00:00Z"));
  expect(readTime("2026-11-23T07:00:00+02:00", nowMs)).toBe(Date.parse("2026-11-23T05:00:00Z"));
  for (const wrong of ["2026-11-23T07:00:00", "yesterday", "2x", "", "2026-13-01"])
    expect(readTime(wrong, nowMs)).toBeUndefined();
});

test("an hour's folder is opened only when the range reaches into it", () => {
  const range = { sinceMs: 10 * HOUR_MS, untilMs: 12 * HOUR_MS };
  expect([9, 10, 11, 12].map((hour) => mayHold(range, hour))).toEqual([false, true, true, false]);
  expect(mayHold(range, undefined)).toBe(true);
});

test("a UUID of version 7 tells its hour, others do not", () => {
  const ms = Date.parse("2026-11-23T07:30:00Z");
  const digits = ms.toString(16).padStart(12, "0");
  expect(hourOfId(`${digits.slice(0, 8)}-${digits.slice(8)}-7abc-8abc-0123456789ab`)).toBe(Math.floor(ms / HOUR_MS));
  expect(hourOfId("5b3c7d1e-0000-4abc-8abc-0123456789ab")).toBeUndefined();
  expect(hourOfId("order-7")).toBeUndefined();
});
