import { expect, test } from "vitest";
import type { EventValidator } from "../core/validation.ts";
import { formatReport, testEvents, testReport } from "./test-events.ts";

/** Knows the type `a`, whose data is a number. */
const validator: EventValidator = {
  validate(type, _dataschema, data) {
    if (type !== "a")
      return { kind: "unknown_type", problems: [{ code: "unknown_type", pointer: "/type", message: "No schema." }] };
    if (typeof data === "number") return { kind: "valid" };
    return { kind: "invalid", problems: [{ code: "type", pointer: "/data", message: '"data" must be a number.' }] };
  },
};

function verdicts(text: string): string[] {
  const { results } = testReport(testEvents(text, validator));
  return results.map(({ line, verdict }) => `${line ?? "-"} ${verdict}`);
}

test("a file holds one object, an array, or one event a line", () => {
  expect(verdicts('{\n "type": "a",\n "data": 1 }\n')).toEqual(["- valid"]);
  expect(verdicts('\uFEFF[{"type":"a","data":1}, {"type":"b"}]')).toEqual(["- valid", "- unknown_type"]);
  expect(verdicts('{"type":"a","data":1}\r\n\n{"type":"a"}')).toEqual(["1 valid", "3 invalid"]);
  expect(verdicts("[]")).toEqual([]);
});

test("a line that is no event is invalid, and the others are still tested", () => {
  expect(verdicts('{"type":"a","data":1}\n{"type"\n[]\n{"data":1}\n{"type":5}')).toEqual([
    "1 valid",
    "2 invalid",
    "3 invalid",
    "4 invalid",
    "5 invalid",
  ]);
});

test("a mistake in one object over several lines is one problem", () => {
  expect(verdicts('{\n "type": "a",\n}')).toEqual(["- invalid"]);
  expect(verdicts("")).toEqual([]);
});

test("the report tells a person which event has which problem, and the sums", () => {
  const text = '{"type":"a","data":1,"id":"e1"}\n{"type":"a","id":"e2"}\n{"type":"b"}\n{"type":5}';
  expect(formatReport(testReport(testEvents(text, validator)))).toBe(`line 2: a (id e2)
  /data  "data" must be a number.
line 3: b
  /type  No schema.
line 4:
  /type  "type" must be a name such as "checkout.paid", but is the number 5.
4 events: 1 valid, 2 invalid and 1 without a schema.
`);
});
