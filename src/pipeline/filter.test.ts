import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../core/event.ts";
import { Filter } from "./filter.ts";

function event(data: unknown, type = "checkout.paid"): CollectedEvent {
  const bytes = Buffer.from(JSON.stringify({ id: "e1", type, source: "web", time: "2026-01-01T00:00:00Z", data }));
  return { position: 0, id: "e1", type, source: "web", receivedMs: 0, bytes };
}

const verdict = (expression: string, of: CollectedEvent) => new Filter(expression).test(of);

test.each([
  ['type == "checkout.paid"', "pass"],
  ['type.startsWith("page.")', "drop"],
  ['type in ["checkout.paid", "checkout.failed"] && source == "web" && id == "e1"', "pass"],
  ['event.type == type && event.time.startsWith("2026")', "pass"],
  ["data.total > 100", "pass"],
  ["100 < data.total && data.total == 120", "pass"],
  ["data.total * 2 == 240 && 2 * data.total == 240 && data.total % 7 == 1", "pass"],
  ["data.total - 0.5 > 119 && data.total / 50 > 2", "pass"],
  ["size(data.items) * 1.5 == 3", "pass"],
  ["data.items.exists(type, type == 2)", "pass"],
  ["120 in [data.total, 1] && 2 in data.items", "pass"],
  ["has(data.coupon)", "drop"],
  ["has(data.total)", "pass"],
  ['has(data.type) && data["type"] == "a type"', "pass"],
  ["data.?coupon.orValue(0) > 1", "drop"],
  ["data.coupon == 1", "error"],
  ["data.coupon == 1 || data.total > 100", "pass"],
  ['data.total > "a"', "error"],
  ["data.total", "error"],
] as const)("%s: %s", (expression, expected) => {
  expect(verdict(expression, event({ total: 120, items: [1, 2], type: "a type" }))).toBe(expected);
});

test("an event without data has null for data", () => {
  expect(verdict("has(data.x)", event(undefined))).toBe("drop");
  expect(verdict("data == null", event(undefined))).toBe("pass");
});

test("a filter over the envelope does not parse the event", () => {
  const unparsable = { ...event({}), bytes: Buffer.from("not JSON") };
  expect(verdict('type == "checkout.paid" && source == "web"', unparsable)).toBe("pass");
  expect(verdict("has(event.data)", unparsable)).toBe("error");
});

test("an integer literal compares with a JSON number as the numbers do", () => {
  fc.assert(
    fc.property(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }), (literal, total) => {
      const of = event({ total });
      expect(verdict(`data.total > ${literal}`, of)).toBe(total > literal ? "pass" : "drop");
      expect(verdict(`data.total == ${literal}`, of)).toBe(total === literal ? "pass" : "drop");
    }),
    { numRuns: 50 },
  );
});

test.each([
  ["data.total >", "Unexpected token: EOF at character 13"],
  ['kind == "a"', "Unknown variable: kind at character 1"],
  ["type == 5", "string == int"],
  ["1 + 1", "it gives a value of type int"],
])("%s is refused with what is wrong and what to write", (expression, problem) => {
  const compile = () => new Filter(expression);
  expect(compile).toThrow(expect.objectContaining({ code: "filter_invalid" }));
  expect(compile).toThrow(problem);
  expect(compile).toThrow("Write a CEL expression");
});

test("an error tells its kind and place and never quotes the event", () => {
  const filter = new Filter("data[data.secret] == 1");
  expect(filter.test(event({ secret: "hunter2" }))).toBe("error");
  expect(filter.lastError).toBe("no_such_key at character 1");
});
