import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { UnreadableBody } from "../incoming-event.ts";
import { readValues } from "./read-values.ts";

const LIMITS = { maxEventBytes: 1_000, maxEventsPerRequest: 5, maxJsonDepth: 8, maxJsonKeys: 100 };

interface Read {
  readonly values: readonly string[];
  readonly end: UnreadableBody | undefined;
}

/** Values as text; what is malformed as its code in brackets. */
function read(body: string | Buffer, layout: "any" | "lines" = "any", limits = LIMITS): Read {
  const values: string[] = [];
  const items = readValues(Buffer.from(body), layout, limits);
  for (;;) {
    const next = items.next();
    if (next.done === true) return { values, end: next.value };
    values.push(
      next.value.kind === "value" ? next.value.json.toString() : `<${next.value.malformed.problems[0]?.code ?? ""}>`,
    );
  }
}

test.each([
  ["one value over lines", ' {\n "a": 1.0\n}\n', ['{\n "a": 1.0\n}']],
  ["a scalar", "12345678901234567890", ["12345678901234567890"]],
  ["an array of values of any form", '[ {"a":1}, [2], "x", null ]', ['{"a":1}', "[2]", '"x"', "null"]],
  ["lines", '{"a":1}\r\n\n[1,2]\n"x"', ['{"a":1}', "[1,2]", '"x"']],
  ["objects one after another", '{"a":1}{"a":2} {"a":3}\n{"a":4}', ['{"a":1}', '{"a":2}', '{"a":3}', '{"a":4}']],
  ["a byte order mark", '\uFEFF{"a":1}', ['{"a":1}']],
  ["a line that is broken", '{"a":1}\nat 5 o\'clock\n{"a":2}', ['{"a":1}', "<invalid_json>", '{"a":2}']],
  ["a line that begins with a number", "5 users\n6", ["<invalid_json>", "6"]],
])("%s", (_what, body, values) => {
  expect(read(body)).toEqual({ values, end: undefined });
});

test("an array on a line is one value where lines are announced", () => {
  expect(read("[1,2]", "lines").values).toEqual(["[1,2]"]);
  expect(read("[1,2]", "any").values).toEqual(["1", "2"]);
});

test.each([
  ["", "empty_body"],
  [" \n", "empty_body"],
  ["[]", "no_events"],
  ["[1,", "invalid_json"],
  ['{"a":', "invalid_json"],
  ['{"a":\n1}\n{"b":2}', "invalid_json"],
  ["[1,2,3,4,5,6]", "too_many_events"],
  ["1\n2\n3\n4\n5\n6", "too_many_events"],
  [Buffer.from([0x22, 0xff, 0x22]), "invalid_utf8"],
])("%j is refused as a whole: %s", (body, code) => {
  expect(read(body).end?.code).toBe(code);
});

test("limits are those of an event", () => {
  expect(read(`["${"x".repeat(2_000)}",1]`).values).toEqual(["<event_too_large>", "1"]);
  expect(read(`[${"[".repeat(9)}${"]".repeat(9)}]`).values).toEqual(["<too_deep>"]);
});

test("no bytes throw, and every value that is read is JSON", () => {
  const pieces = fc.array(
    fc.oneof(
      fc.json({ maxDepth: 2 }),
      fc.constantFrom("\n", "[", "]", "{", "}", ",", " ", '"'),
      fc.string({ unit: "binary" }),
    ),
    { maxLength: 8 },
  );
  fc.assert(
    fc.property(
      fc.oneof(
        pieces.map((texts) => Buffer.from(texts.join(""))),
        fc.uint8Array().map((bytes) => Buffer.from(bytes)),
      ),
      fc.constantFrom("any", "lines"),
      (body, layout) => {
        for (const text of read(body, layout).values) {
          if (!/^<\w+>$/.test(text)) JSON.parse(text);
        }
      },
    ),
    { numRuns: 300 },
  );
});

test("values of any form come out of an array and of lines byte for byte", () => {
  fc.assert(
    fc.property(fc.array(fc.json({ maxDepth: 3 }), { minLength: 1, maxLength: 5 }), (texts) => {
      const limits = { ...LIMITS, maxEventBytes: 1e6, maxJsonKeys: 1e6, maxJsonDepth: 100 };
      expect(read(`[${texts.join(" ,\n")}]`, "any", limits).values).toEqual(texts);
      expect(read(texts.join("\n"), "lines", limits).values).toEqual(texts);
    }),
  );
});
