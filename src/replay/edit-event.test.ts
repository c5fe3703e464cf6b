import * as fc from "fast-check";
import { expect, test } from "vitest";
import { editEvent } from "./edit-event.ts";
import { parseEditRules } from "./edit-rules.ts";
import { parseExact, printExact } from "./exact-json.ts";

function edit(json: string, ...operations: object[]): string {
  return editWhen(json, undefined, ...operations);
}

function editWhen(json: string, when: string | undefined, ...operations: object[]): string {
  const rules = parseEditRules(JSON.stringify({ edits: [{ ...(when && { when }), do: operations }] }), "edits.yaml");
  const event = { id: "1", type: "t", source: "web", receivedMs: 0, bytes: Buffer.from(json) };
  const edited = editEvent(event, rules);
  if (edited.kind === "edited") return edited.event.bytes.toString();
  return edited.kind === "failed" ? `failed: ${edited.reason}` : "unchanged";
}

test("rename moves a value, and makes the objects on its way", () => {
  expect(edit('{"data":{"sum":5}}', { rename: "/data/sum", to: "/data/order/total" })).toBe(
    '{"data":{"order":{"total":5}}}',
  );
  expect(edit('{"data":{}}', { rename: "/data/sum", to: "/data/total" })).toBe("unchanged");
  expect(edit('{"data":{"a":{}}}', { rename: "/data/a", to: "/data/a/b" })).toMatch("cannot be moved into itself");
  expect(edit('{"data":{"a":1,"b":"x"}}', { rename: "/data/a", to: "/data/b/c" })).toMatch("leads through");
});

test("cast changes the type and keeps every digit", () => {
  expect(edit('{"a":"12.50"}', { cast: "/a", to: "number" })).toBe('{"a":12.50}');
  expect(edit('{"a":"12345678901234567890"}', { cast: "/a", to: "integer" })).toBe('{"a":12345678901234567890}');
  expect(edit('{"a":12345678901234567890}', { cast: "/a", to: "string" })).toBe('{"a":"12345678901234567890"}');
  expect(edit('{"a":"1.5"}', { cast: "/a", to: "integer" })).toBe("failed: /a cannot be made a integer");
  expect(edit('{"a":"yes"}', { cast: "/a", to: "boolean" })).toBe('{"a":true}');
  expect(edit('{"a":1767225600}', { cast: "/a", to: "timestamp" })).toBe('{"a":"2026-01-01T00:00:00.000Z"}');
  expect(edit('{"a":"2026-01-01T00:00:00.123456Z"}', { cast: "/a", to: "timestamp" })).toBe("unchanged");
  expect(edit('{"a":{}}', { cast: "/a", to: "string" })).toMatch("failed");
});

test("default sets what is missing or null only, set anything, and remove takes out", () => {
  expect(edit('{"a":null}', { default: "/a", value: "EUR" })).toBe('{"a":"EUR"}');
  expect(edit('{"a":"USD"}', { default: "/a", value: "EUR" })).toBe("unchanged");
  expect(edit('{"a":"USD"}', { set: "/a", value: { b: [1] } })).toBe('{"a":{"b":[1]}}');
  expect(edit('{"a":[1,2,3]}', { remove: "/a/1" })).toBe('{"a":[1,3]}');
  expect(edit('{"a":[1]}', { set: "/a/3", value: 0 })).toMatch("leads through");
});

test("a rule is for the events of its when, and sees what the rules before it have made", () => {
  expect(editWhen('{"data":{"v":1}}', "data.v == 2", { remove: "/data/v" })).toBe("unchanged");
  expect(editWhen('{"data":{"v":1}}', "data.v == 1", { remove: "/data/v" })).toBe('{"data":{}}');
  expect(editWhen('{"data":{}}', "data.v == 1", { remove: "/data/v" })).toMatch("failed: when has no answer");
});

test("names such as __proto__ are names like others", () => {
  expect(edit('{"data":{}}', { set: "/data/__proto__/x", value: 1 })).toBe('{"data":{"__proto__":{"x":1}}}');
  expect(edit('{"data":{}}', { rename: "/constructor", to: "/data/c" })).toBe("unchanged");
});

test("what no rule touches is as it was, whatever its numbers", () => {
  const number = fc.oneof(
    fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => JSON.stringify(value)),
    fc.bigInt().map(String),
    fc.constantFrom("1.0", "-0", "1e400", "1E5", "0.1000", "100000000000000000000000.5"),
  );
  fc.assert(
    fc.property(fc.json(), number, (json, digits) => {
      const other = printExact(parseExact(json));
      expect(edit(`{"kept":${other},"n":${digits},"gone":1}`, { remove: "/gone" })).toBe(
        `{"kept":${other},"n":${digits}}`,
      );
      expect(edit(`{"kept":${other},"n":${digits}}`, { remove: "/gone" })).toBe("unchanged");
    }),
  );
});

test("moving a value there and back leaves the event as it was", () => {
  fc.assert(
    fc.property(fc.json(), fc.stringMatching(/^[a-z~/]{1,8}$/), (json, name) => {
      const pointer = `/data/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
      const other = printExact(parseExact(json));
      const event = `{"data":{${JSON.stringify(name)}:${other}}}`;
      expect(edit(event, { rename: pointer, to: "/moved" }, { rename: "/moved", to: pointer })).toBe(event);
    }),
  );
});

test("rules that make no sense are refused with what is wrong", () => {
  expect(() => parseEditRules("edits: [{ do: [{ rename: data/x, to: /y }] }]", "e.yaml")).toThrow(/e\.yaml.*edits/);
  expect(() => parseEditRules("edits: [{ do: [{ remove: /y }], wenn: true }]", "e.yaml")).toThrow("wenn");
  expect(() => parseEditRules("edits: [{ when: 'data.', do: [{ remove: /y }] }]", "e.yaml")).toThrow("filter");
  expect(() => parseEditRules("edits: [", "e.yaml")).toThrow("e.yaml");
});

test("of an operation that is wrong it is said how it is written", () => {
  const withOperation = (operation: string) => () => parseEditRules(`edits: [{ do: [${operation}] }]`, "e.yaml");
  expect(withOperation("{ renam: /x }")).toThrow("edits.0.do.0: expected { rename: /data/sum, to: /data/total }");
  expect(withOperation("{ cast: /x, to: float }")).toThrow(/TYPE of string, number, integer/);
  expect(withOperation("drop")).toThrow("expected one of rename, cast, default, set, remove");
});
