import * as fc from "fast-check";
import { expect, test } from "vitest";
import { memberBytes, withMembers } from "./top-level-members.ts";

function member(json: string, name: string): string | undefined {
  return memberBytes(Buffer.from(json), name)?.toString();
}

test("a member is found with its very bytes", () => {
  const json = '{ "a" : "x\\",\\"event\\":1" , "event": {"n": 1.0, "event": [2, "}"]} ,"z":12345678901234567890 }';
  expect(member(json, "event")).toBe('{"n": 1.0, "event": [2, "}"]}');
  expect(member(json, "z")).toBe("12345678901234567890");
  expect(member(json, "a")).toBe('"x\\",\\"event\\":1"');
  expect(member(json, "none")).toBeUndefined();
  expect(member("{}", "a")).toBeUndefined();
  expect(member('{"a":1,"a":2}', "a")).toBe("2");
});

test("the bytes of each member are what JSON.parse reads there, and added members hold", () => {
  const name = fc.stringMatching(/^[a-z]{1,4}$/);
  fc.assert(
    fc.property(fc.dictionary(name, fc.jsonValue(), { noNullPrototype: true }), fc.nat(2), (object, indent) => {
      const json = Buffer.from(JSON.stringify(object, null, indent));
      for (const [key, value] of Object.entries(object)) {
        const bytes = memberBytes(json, key);
        expect(bytes).toBeDefined();
        expect(JSON.parse(String(bytes))).toEqual(JSON.parse(JSON.stringify(value)));
      }
      const added = withMembers(json, { a: 1, replayed: "quarantine" });
      expect(JSON.parse(added.toString())).toEqual(
        JSON.parse(JSON.stringify({ ...object, a: 1, replayed: "quarantine" })),
      );
    }),
  );
});
