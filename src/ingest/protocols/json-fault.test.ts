import * as fc from "fast-check";
import { expect, test } from "vitest";
import { findJsonFault } from "./json-fault.ts";

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

const TOKENS = [
  ..."{}[],:\"\\-0.+ \n'/x".split(""),
  '"a"',
  "\\u00e9",
  "1",
  ".5",
  "e3",
  "E+",
  "true",
  "null",
  "NaN",
  "é",
  "\u{1f600}",
  "\u0000",
  "\u007f",
  "\u2028",
  "\ud800",
];

test("a fault is found exactly in the texts that JSON.parse refuses, within the text", () => {
  const tokens = fc.constantFrom(...TOKENS);
  const text = fc.oneof(
    fc.array(tokens).map((parts) => parts.join("")),
    fc.string({ unit: "binary" }),
    // A JSON text with one character taken out, doubled or replaced.
    fc.tuple(fc.json(), fc.nat(), fc.nat(2), tokens).map(([json, at, takeOut, token]) => {
      const index = at % (json.length + 1);
      return json.slice(0, index) + (takeOut === 2 ? "" : token) + json.slice(index + takeOut);
    }),
  );
  fc.assert(
    fc.property(text, (candidate) => {
      const fault = findJsonFault(candidate);
      expect(fault === undefined).toBe(parses(candidate));
      expect(fault?.at ?? 0).toBeGreaterThanOrEqual(0);
      expect(fault?.at ?? 0).toBeLessThanOrEqual(candidate.length);
    }),
    { numRuns: 1_000 },
  );
});

test.each([
  ['{"a":1,}', 7, "a comma before }; leave it out"],
  ["[1,]", 3, "a comma before ]; leave it out"],
  ["{'a':1}", 1, "found '; JSON uses plain double quotes \""],
  ['{"a":“b”}', 5, 'found “; JSON uses plain double quotes "'],
  ["{type:1}", 1, "the name type must be in double quotes"],
  ['{"a":NaN}', 5, "NaN is not JSON; write null"],
  ['{"a":True}', 5, "True is not JSON; write true"],
  ['{"a":abc}', 5, "abc is not a value; a string must be in double quotes"],
  ['{"a":01}', 6, "a number is not written as JSON writes them"],
  ['{"a":+1}', 5, "+1 is not a number as JSON writes them"],
  ['{"a" 1}', 5, "expected : after the name, found 1"],
  ['{"a":1 "b":2}', 7, 'a comma is missing before "'],
  ['{"a":1]', 6, "expected , or }, found ]"],
  ['{"a":[1,{"b":', 13, "the text ends before it is complete; }]} is missing. Was the body cut off?"],
  ['{"a":"x', 7, 'a string is not closed; " is missing. Was the body cut off?'],
  ['{"a":"x\n"}', 7, 'a string is not closed on its line. Close it with ", or write \\n for a line break'],
  ['{"a":"x\ty"}', 7, "a string holds a control character; write \\t"],
  ['{"a":"\\x"}', 6, "\\x is not an escape of JSON; a backslash itself is written \\\\"],
  ["// note\n{}", 0, "found /; JSON has no comments"],
])("%j is explained", (text, at, message) => {
  expect(findJsonFault(text)).toEqual({ at, message });
});

test("two values in a row are explained by the ways to send several events", () => {
  expect(findJsonFault('{"a":1}{"b":2}')?.message).toContain("one to a line as application/x-ndjson");
});

test("a deeply nested text is read without recursion, and not to any depth", () => {
  expect(findJsonFault(`${"[".repeat(10_000)}${"]".repeat(10_000)}`)).toBeUndefined();
  expect(findJsonFault("[".repeat(1_000_000))).toEqual({ at: 10_000, message: "more than 10000 brackets are open" });
});
