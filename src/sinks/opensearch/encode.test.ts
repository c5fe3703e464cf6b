import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { BulkEncoder } from "./encode.ts";
import { IndexNames } from "./index-names.ts";

const RECEIVED_MS = Date.UTC(2026, 10, 27, 12);
const single = new IndexNames({ index: "events", types: [], dataStream: true });
const several = new IndexNames({ index: "events-{type}-{date}", types: ["a"], dataStream: false });

function eventOf(json: string, id = "id-1"): CollectedEvent {
  return { position: 0, id, type: "a", source: "web", receivedMs: RECEIVED_MS, bytes: Buffer.from(json) };
}

function linesOf(names: IndexNames, documentId: "id" | "none", ...events: CollectedEvent[]): string[] {
  return new BulkEncoder({ documentId }, names).encode(events).toString().split("\n");
}

test("each event is created under its id, as it is but for @timestamp before it", () => {
  const event = eventOf('{ "specversion":"1.0","time":"2026-01-02T03:04:05.678901+01:00","data": 1e400}');
  expect(linesOf(single, "id", event, eventOf("{}", 'q"'))).toEqual([
    '{"create":{"_id":"id-1"}}',
    '{"@timestamp":"2026-01-02T02:04:05.678Z", "specversion":"1.0","time":"2026-01-02T03:04:05.678901+01:00","data": 1e400}',
    '{"create":{"_id":"q\\""}}',
    '{"@timestamp":"2026-11-27T12:00:00.000Z"}',
    "",
  ]);
});

test("the action names the index where there are several, and no id where the server makes one", () => {
  expect(linesOf(several, "id", eventOf('{"n":1}'))[0]).toBe(
    '{"create":{"_index":"events-a-2026.11.27","_id":"id-1"}}',
  );
  expect(linesOf(several, "none", eventOf('{"n":1}'))[0]).toBe('{"create":{"_index":"events-a-2026.11.27"}}');
  expect(linesOf(single, "none", eventOf('{"n":1}'))[0]).toBe('{"create":{}}');
});

test("a time that is none, such as a leap second, gives way to the receipt; an event's own @timestamp stays", () => {
  expect(linesOf(single, "id", eventOf('{"time":"2016-12-31T23:59:60Z"}'))[1]).toContain('"2026-11-27T12:00:00.000Z"');
  expect(linesOf(single, "id", eventOf('{"time":"2026-01-02t03:04:05z"}'))[1]).toContain('"2026-01-02T03:04:05.000Z"');
  const own = '{"@timestamp":"2026-01-01","n":1}';
  expect(linesOf(single, "id", eventOf(own))[1]).toBe(own);
});

test.each(["9999-12-31T23:59:59-01:00", "0000-01-01T00:00:00+01:00"])(
  "a time that its offset leads out of four-digit years leaves the request whole: %s",
  (time) => {
    const json = `{"time":"${time}","n":1}`;
    expect(linesOf(single, "id", eventOf(json)).slice(1)).toEqual([
      `{"@timestamp":"2026-11-27T12:00:00.000Z",${json.slice(1)}`,
      "",
    ]);
  },
);

test("no batch takes more than its events count for", () => {
  const events = fc.array(fc.tuple(fc.json(), fc.string({ unit: "grapheme" })), { maxLength: 5 });
  fc.assert(
    fc.property(events, fc.constantFrom("id" as const, "none" as const), fc.boolean(), (all, documentId, isSingle) => {
      const encoder = new BulkEncoder({ documentId }, isSingle ? single : several);
      const batch = all.map(([json, id]) => eventOf(`{"data":${json}}`, id));
      const counted = batch.reduce((sum, event) => sum + encoder.eventBytes(event), 0);
      const lines = encoder.encode(batch).toString().split("\n");
      expect(encoder.encode(batch).length).toBeLessThanOrEqual(counted);
      expect(lines.length).toBe(2 * batch.length + 1);
      for (const line of lines.slice(0, -1)) JSON.parse(line);
    }),
  );
});
