import { createHmac } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { pointerSteps } from "../json-pointer.ts";
import { type RedactAction, Redactor } from "./redactor.ts";

const KEY = "a secret of the test";

function redact(json: string, ...rules: readonly (readonly [pointer: string, action: RedactAction])[]): string {
  const parsed = rules.map(([pointer, action]) => ({ steps: pointerSteps(pointer) ?? [], action }));
  return new Redactor(parsed, KEY).redact(Buffer.from(json)).toString();
}

function hashOf(text: string): string {
  return createHmac("sha256", KEY).update(text).digest("hex").slice(0, 32);
}

test.each([
  ["the first member", '{"a":1, "b" : 2}', "/a", '{"b" : 2}'],
  ["the last member", '{"a":1 , "b":2 }', "/b", '{"a":1 }'],
  ["one between", '{ "a":1,"b":2,\n"c":3}', "/b", '{ "a":1,"c":3}'],
  ["the only member", '{"data":{ "a":1 }}', "/data/a", '{"data":{  }}'],
  ["each repetition of a name", '{"a":1,"a":2,"b":3,"a":4}', "/a", '{"b":3}'],
  ["a name spelled with escapes", '{"\\u0061":1,"b":3}', "/a", '{"b":3}'],
  ["a field of each repetition", '{"d":{"a":1},"d":{"a":2,"b":1}}', "/d/a", '{"d":{},"d":{"b":1}}'],
  ["a name with / and ~", '{"a/b~c":1,"b":2}', "/a~1b~0c", '{"b":2}'],
  ["an empty name", '{"":1,"b":2}', "/", '{"b":2}'],
  ["an element", "[1,[2],3]", "/1", "[1,3]"],
  ["every element", '{"a":[1,2]}', "/a/*", '{"a":[]}'],
  ["a field of every element", '{"a":[{"x":1,"y":2},{"y":3},5]}', "/a/*/y", '{"a":[{"x":1},{},5]}'],
  ["a field of every member", '{"a":{"p":{"y":1},"q":{"x":2,"y":3}}}', "/a/*/y", '{"a":{"p":{},"q":{"x":2}}}'],
  ["a field in JSON text", '{"s":"{\\"ip\\":1,\\"n\\":1.0}"}', "/s/ip", '{"s":"{\\"n\\":1.0}"}'],
  ["a field in JSON text in JSON text", '{"s":"[\\"{\\\\\\"ip\\\\\\":1}\\"]"}', "/s/0/ip", '{"s":"[\\"{}\\"]"}'],
])("%s is removed with its comma, and nothing else changes", (_what, json, pointer, expected) => {
  expect(redact(json, [pointer, "remove"])).toBe(expected);
});

test.each([
  ["/b/c", '{"a":1,"b":[2]}'],
  ["/a/b", '{"a":"text","b":1}'],
  ["/a/b", '{"a":"{\\"b\\":","b":1}'],
  ["/A", '{"a":1}'],
])("what %s does not name stays as it is, the same bytes: %s", (pointer, json) => {
  const bytes = Buffer.from(json);
  const steps = pointerSteps(pointer) ?? [];
  expect(new Redactor([{ steps, action: "remove" }], KEY).redact(bytes)).toBe(bytes);
});

test("what is named in data goes from its base64 too, and with all of data its base64", () => {
  const encoded = (text: string) => JSON.stringify(Buffer.from(text).toString("base64"));
  const json = `{"type":"t","data_base64":${encoded('{"a":"ä","b":[1.0]}')}}`;
  expect(redact(json, ["/data/a", "remove"])).toBe(`{"type":"t","data_base64":${encoded('{"b":[1.0]}')}}`);
  expect(redact(json, ["/data/b/0", "hash"])).toContain(encoded(`{"a":"ä","b":["${hashOf("1.0")}"]}`));
  expect(redact(json, ["/data", "remove"])).toBe('{"type":"t"}');
  expect(redact(json, ["/data/c", "remove"])).toBe(json);
  expect(redact('{"data_base64":"%","x":1}', ["/data/a", "remove"])).toBe('{"data_base64":"%","x":1}');
});

test("a string is hashed by what it says, another value by its text, and null stays", () => {
  expect(redact('{"a":"\\u0078@y"}', ["/a", "hash"])).toBe(`{"a":"${hashOf("x@y")}"}`);
  expect(redact('{"a":[1, 2]}', ["/a", "hash"])).toBe(`{"a":"${hashOf("[1, 2]")}"}`);
  expect(redact('{"a":1.50}', ["/a", "hash"])).toBe(`{"a":"${hashOf("1.50")}"}`);
  expect(redact('{"a":null}', ["/a", "hash"])).toBe('{"a":null}');
});

test("what one rule removes is not kept as a hash by another, in either order", () => {
  const rules = [
    ["/d/*", "hash"],
    ["/d/a", "remove"],
  ] as const;
  for (const ordered of [rules, rules.toReversed()]) {
    expect(redact('{"d":{"a":"x","b":"y"}}', ...ordered)).toBe(`{"d":{"b":"${hashOf("y")}"}}`);
  }
});

const space = fc.constantFrom("", " ", "\n  ", "\t");
/** Names that are never a rule's, values with many spellings, and no member of them is called `secret`. */
const plain = fc.oneof(
  fc.constantFrom("1.0", "12345678901234567890", "-0", "null", "true", '"a\\"}{,:]["', '"\\u0073ecret"', "[]", "{}"),
  fc.json({ maxDepth: 2 }).filter((json) => !json.includes("secret")),
);
const secretName = fc.constantFrom('"secret"', '"\\u0073ecret"', '"s\\u0065cret"', '"secre\\u0074"');
const SECRET = "DO-NOT-STORE";
const secretValue = fc.constantFrom(
  `"${SECRET}"`,
  `"x \\" ${SECRET}"`,
  `{"secret":"${SECRET}","b":[{"c":"${SECRET}"}]}`,
  `["${SECRET}",1]`,
);

/** An object as pieces of text, of which some are to go. */
const members = fc.array(
  fc.oneof(
    fc.record({ isSecret: fc.constant(false), key: fc.constantFrom('"a"', '"b"', '"secretive"'), value: plain }),
    fc.record({ isSecret: fc.constant(true), key: secretName, value: secretValue }),
  ),
  { maxLength: 8 },
);

test("of any object the named members are found nowhere afterwards, and the others byte for byte, in order", () => {
  fc.assert(
    fc.property(members, space, space, space, (all, before, colon, after) => {
      const write = (some: typeof all) => some.map(({ key, value }) => `${key}${colon}:${before}${value}`);
      const json = `{"type":"t","data":[{${before}${write(all).join(`${after},${before}`)}${after}}],"n":1.10}`;
      const redacted = redact(json, ["/data/*/secret", "remove"]);
      expect(redacted).not.toContain(SECRET);
      expect(JSON.parse(redacted)).toMatchObject({ type: "t", n: 1.1 });
      let at = 0;
      for (const text of write(all.filter(({ isSecret }) => !isSecret))) {
        const found = redacted.indexOf(text, at);
        expect(found).toBeGreaterThanOrEqual(0);
        at = found + text.length;
      }
      // Nothing is there beside them but what stands around them.
      const kept = write(all.filter(({ isSecret }) => !isSecret)).join(",");
      const bare = (text: string) => text.replaceAll(/\s/g, "");
      expect(bare(redacted)).toBe(bare(`{"type":"t","data":[{${kept}}],"n":1.10}`));
    }),
  );
});

test("hashing changes the named values alone", () => {
  fc.assert(
    fc.property(members, space, (all, gap) => {
      const write = (value: (member: (typeof all)[number]) => string) =>
        `{"d":{${all.map((member) => `${member.key}:${gap}${value(member)}`).join(`,${gap}`)}}}`;
      const text = (value: string) => (value.startsWith('"') ? String(JSON.parse(value)) : value);
      expect(
        redact(
          write(({ value }) => value),
          ["/d/secret", "hash"],
        ),
      ).toBe(write(({ isSecret, value }) => (isSecret ? `"${hashOf(text(value))}"` : value)));
    }),
  );
});

test("what is no JSON within a string does no harm", () => {
  fc.assert(
    fc.property(fc.string(), fc.constantFrom("{", "[", '{"secret":', '{"\\x":1,"secret"'), (text, start) => {
      const json = JSON.stringify({ s: start + text });
      expect(() => JSON.parse(redact(json, ["/s/secret/x", "remove"], ["/s/0", "hash"]))).not.toThrow();
    }),
  );
});
