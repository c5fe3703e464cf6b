import { describe, expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { constantPrefix, DEFAULT_KEY, keyProblem, ObjectKeys } from "./object-key.ts";

const WRITER = { node: "node-1", slot: "0" };
const AT_MS = Date.parse("2026-11-23T07:59:59.999Z");

function eventAt(position: number, id = "id-1"): CollectedEvent {
  return { position, id, type: "t", source: "s", receivedMs: AT_MS, bytes: Buffer.from("{}") };
}

function keysOf(template = DEFAULT_KEY, sink = "archive"): ObjectKeys {
  return new ObjectKeys({ template, prefix: "web/", ext: "ndjson.gz", writer: { ...WRITER, sink } });
}

describe("a key", () => {
  test("says where query engines look for it, who wrote it, and where it begins", () => {
    expect(keysOf().keyOf(eventAt(4711))).toBe(
      "web/dt=2026-11-23/hour=07/node-1-0-0000000000004711-f942390a.ndjson.gz",
    );
  });

  test("is the same for the same first event of a sink, and another for any other", () => {
    const keys = keysOf();
    expect(keys.keyOf(eventAt(1))).toBe(keys.keyOf(eventAt(1)));
    const others = [eventAt(2), eventAt(1, "id-2")].map((event) => keys.keyOf(event));
    others.push(keysOf(DEFAULT_KEY, "other").keyOf(eventAt(1)));
    expect(new Set([keys.keyOf(eventAt(1)), keys.keyOf(eventAt(1), "suffix"), ...others]).size).toBe(5);
  });

  test("sorts as the events came", () => {
    const keys = [9, 10, 99_999, 1_000_000].map((position) => keysOf().keyOf(eventAt(position)));
    expect(keys.toSorted()).toEqual(keys);
  });
});

test.each([
  [DEFAULT_KEY, "2026-11-23T07"],
  ["{prefix}{year}/{month}/{day}/{node}-{slot}-{position}-{hash}", "2026-11-23"],
  ["{year}/{month}/{node}-{slot}-{position}-{hash}", "2026-11"],
  ["{year}/{node}-{slot}-{position}-{hash}", "2026"],
  ["{sink}/{node}-{slot}-{position}-{hash}", ""],
])("events of one object share what shows of the time: %s", (template, period) => {
  expect(keyProblem(template, "web/")).toBeUndefined();
  expect(keysOf(template).periodOf(AT_MS)).toBe(period);
});

test.each([
  ["{prefix}{date}/{uuid}-{node}-{slot}-{position}-{hash}", "{uuid} is no placeholder"],
  ["{prefix}{date}/{slot}-{position}-{hash}", "needs {node}"],
  ["{prefix}{date}", "needs {node}, {slot}, {position}, {hash}"],
  ["{prefix}{hour}/{node}-{slot}-{position}-{hash}", "{hour} needs {date} or {year}, {month}, {day}"],
  ["{month}/{node}-{slot}-{position}-{hash}", "{month} needs {year}"],
  ["/{prefix}{node}-{slot}-{position}-{hash}", "does not begin with /"],
  ["{prefix}ä {node}-{slot}-{position}-{hash}", "letters, digits"],
  [`${"x".repeat(900)}{node}-{slot}-{position}-{hash}`, "S3 takes 1024"],
])("a template is refused that cannot be used: %s", (template, problem) => {
  expect(keyProblem(template, "web/")).toContain(problem);
});

test("lifecycle rules go by what all keys begin with", () => {
  expect(constantPrefix(DEFAULT_KEY, "web/", "archive")).toBe("web/dt=");
  expect(constantPrefix("{prefix}{sink}/{date}", "web/", "archive")).toBe("web/archive/");
  expect(constantPrefix("{date}/{sink}", "", "archive")).toBe("");
});
