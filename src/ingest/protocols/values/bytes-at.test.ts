import * as fc from "fast-check";
import { expect, test } from "vitest";
import { pointerSteps } from "../../json-pointer.ts";
import { bytesAt } from "./bytes-at.ts";

function at(json: string, pointer: string): string | undefined {
  const steps = pointerSteps(pointer);
  return steps && bytesAt(Buffer.from(json), steps)?.toString();
}

test("a pointer leads to the bytes that were sent", () => {
  expect(at('{ "a" : {"b/c~": [1, 12345678901234567890.10 ]} }', "/a/b~1c~0/1")).toBe("12345678901234567890.10");
  expect(at('{"a":1,"\\u0061":2}', "/a")).toBe("2");
  expect(at('{"":{"":null}}', "//")).toBe("null");
});

test.each([
  ['{"a":1}', "/b"],
  ['{"a":1}', "/a/b"],
  ["[1]", "/1"],
  ["[1]", "/-"],
  ["[1]", "/00"],
  ['"text"', "/0"],
  ["{}", "/__proto__"],
])("in %s there is nothing at %s", (json, pointer) => {
  expect(at(json, pointer)).toBeUndefined();
});

test("what is found is what a walk through the parsed value finds", () => {
  fc.assert(
    fc.property(fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 2 })), (value) => {
      for (const [name, member] of Object.entries(value)) {
        const pointer = `/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`;
        expect(pointerSteps(pointer)).toBeDefined();
        expect(JSON.parse(at(JSON.stringify(value), pointer) ?? "")).toEqual(JSON.parse(JSON.stringify(member)));
      }
    }),
  );
});
