import * as fc from "fast-check";
import { expect, test } from "vitest";
import { membersOf, valueAt } from "./json-ranges.ts";

function at(text: string, ...steps: string[]): string | undefined {
  const json = Buffer.from(text);
  const range = valueAt(json, { start: 0, end: json.length }, steps);
  return range && json.toString("utf8", range.start, range.end);
}

test("a value is found as it was written", () => {
  const text = '{ "a" : {"b":[ 1.50 ,{"c":12345678901234567890}, "x\\"]y" ]} ,"\\u0064":"\\u00e9","e":{} }';
  expect(at(text, "a", "b", "0")).toBe("1.50");
  expect(at(text, "a", "b", "1", "c")).toBe("12345678901234567890");
  expect(at(text, "a", "b", "2")).toBe('"x\\"]y"');
  expect(at(text, "d")).toBe('"\\u00e9"');
  expect(at(text, "e")).toBe("{}");
});

test.each([["x"], ["a", "x"], ["a", "b", "3"], ["a", "b", "-1"], ["a", "b", "01"], ["a", "b", "0", "z"]])(
  "nothing is found where there is nothing: %j %j",
  (...steps) => {
    expect(at('{"a":{"b":[1,2,3]}}', ...steps)).toBeUndefined();
  },
);

test("of equal names the last counts", () => {
  expect(at('{"a":1,"a":2}', "a")).toBe("2");
});

test("the members are those that JSON.parse finds, in any JSON, however it is spaced", () => {
  const object = fc.dictionary(fc.string(), fc.jsonValue(), { noNullPrototype: true });
  fc.assert(
    fc.property(object, fc.constantFrom("", " ", "\t"), (value, space) => {
      const json = Buffer.from(JSON.stringify(value, undefined, space));
      const parsed = JSON.parse(json.toString()) as Record<string, unknown>;
      const members = membersOf(json, { start: 0, end: json.length }) ?? new Map<string, never>();
      expect([...members.keys()].toSorted()).toEqual(Object.keys(parsed).toSorted());
      for (const [name, range] of members) {
        expect(JSON.parse(json.toString("utf8", range.start, range.end))).toEqual(parsed[name]);
      }
    }),
    { numRuns: 500 },
  );
});
