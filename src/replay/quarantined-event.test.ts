import { expect, test } from "vitest";
import { returning } from "./quarantined-event.ts";

function back(json: string, needsId = true): Record<string, unknown> {
  const bytes = Buffer.from(json);
  const event = { id: "", type: "t", source: "web", receivedMs: Date.parse("2026-11-23T07:00:00Z"), bytes };
  const parsed: Record<string, unknown> = JSON.parse(
    returning(event, "0-20261123T070000-1.ndjson 17", needsId).bytes.toString(),
  );
  return parsed;
}

test("what the sender said stays, and the event is marked", () => {
  const sent = { id: "a", type: "t", time: "2026-01-01T00:00:00Z", data: { total: 1 } };
  expect(back(JSON.stringify(sent))).toEqual({ ...sent, replayed: "quarantine" });
  expect(back('{"id":"a","time":"2026-01-01T00:00:00Z","replayed":"by the sender"}')["replayed"]).toBe("quarantine");
});

test("an event without a time happened when it was received first", () => {
  for (const json of ['{"id":"a"}', '{"id":"a","time":null}', " { } "])
    expect(back(json)["time"]).toBe("2026-11-23T07:00:00.000Z");
});

test("an event without an id gets the same one at each try, unless its source asks for the sender's own", () => {
  const { id } = back("{}");
  expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(back('{"type":"t"}')["id"]).toBe(id);
  expect(back("{}", false)).not.toHaveProperty("id");
});
