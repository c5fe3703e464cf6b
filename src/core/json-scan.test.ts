import * as fc from "fast-check";
import { expect, test } from "vitest";
import { scanElements, scanMembers, scanValue, skipSpace, trimEnd } from "./json-scan.ts";

/** JSON texts as people write them: any value, spaced in any of three ways, with keys and strings escaped at random. */
const jsonText = fc
  .tuple(
    fc.jsonValue({ noUnicodeString: false }),
    fc.constantFrom(undefined, 1, "\t"),
    fc.constantFrom("", " ", "\r\n\t "),
    fc.boolean(),
  )
  .map(([value, indent, margin, escaped]) => {
    const text = JSON.stringify(value, undefined, indent);
    return { value, text: margin + (escaped ? escapeLetters(text) : text) + margin };
  });

function escapeLetters(text: string): string {
  return text.replaceAll(/"(?:[^"\\]|\\.)*"/g, (string) =>
    string.replaceAll(/(?<!\\)[g-mo-qv-z{}[\],:]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`),
  );
}

function depthOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map(depthOf));
}

function keysOf(value: unknown): number {
  if (typeof value !== "object" || value === null) return 0;
  return Object.values(value).reduce((sum: number, child) => sum + 1 + keysOf(child), 0);
}

test("a value's range, depth and number of keys are those of what JSON.parse makes of it", () => {
  fc.assert(
    fc.property(jsonText, ({ text }) => {
      const value: unknown = JSON.parse(text);
      const bytes = Buffer.from(text);
      const start = skipSpace(bytes, 0, bytes.length);
      const scanned = scanValue(bytes, start, bytes.length);
      expect(scanned.end).toBe(trimEnd(bytes, start, bytes.length));
      expect(scanned.depth).toBe(depthOf(value));
      expect(scanned.keys).toBe(keysOf(value));
      const ownKeys = typeof value === "object" && value !== null ? Object.keys(value).length : 0;
      expect(scanned.ownKeys).toBe(ownKeys);
    }),
  );
});

test("the elements of an array parse to the elements of the parsed array", () => {
  fc.assert(
    fc.property(fc.array(jsonText), fc.constantFrom("", " ", "\n"), (parts, margin) => {
      const text = `[${margin}${parts.map((part) => part.text).join(",")}]${margin}`;
      const bytes = Buffer.from(text);
      const elements = scanElements(bytes, 0, bytes.length, parts.length);
      const parsed = elements?.map(({ start, end }): unknown => JSON.parse(bytes.toString("utf8", start, end)));
      expect(parsed).toEqual(JSON.parse(text));
    }),
  );
});

test("the members of an object are those of the parsed object, repeated and escaped names included", () => {
  const name = fc.oneof(fc.string(), fc.constantFrom("__proto__", "a", "source", ""));
  fc.assert(
    fc.property(fc.array(fc.tuple(name, jsonText, fc.boolean())), (parts) => {
      const members = parts.map(([key, part, escaped]) => {
        const literal = JSON.stringify(key);
        return `${escaped ? escapeLetters(literal) : literal} :${part.text}`;
      });
      const bytes = Buffer.from(`{${members.join(",")}}`);
      const scanned = scanMembers(bytes, 0, bytes.length);
      expect(
        scanned?.map((member): unknown => [
          JSON.parse(bytes.toString("utf8", member.keyStart, member.keyEnd)),
          JSON.parse(bytes.toString("utf8", member.valueStart, member.valueEnd)),
        ]),
      ).toEqual(parts.map(([key, part]): unknown => [key, JSON.parse(part.text)]));
    }),
  );
});

test.each(["[", "[1", "[1,", "[1,]", "[,1]", "[1 2]", "[1]]", "[1] x", '["', '["\\', "{}", "[}", "[1}"])(
  "%j is not an array and has no elements",
  (text) => {
    const bytes = Buffer.from(text);
    expect(scanElements(bytes, 0, bytes.length, 10)).toBeUndefined();
  },
);

test("an array longer than allowed is not read to its end", () => {
  const bytes = Buffer.from("[1,2,3,4,5,6]");
  expect(scanElements(bytes, 0, bytes.length, 2)).toHaveLength(3);
});

test("any bytes are scanned to an end, in bounds, in order and without overlap", () => {
  const junk = fc.oneof(
    fc.uint8Array(),
    fc.array(fc.constantFrom(...'{}[],:"\\ \n1u'.split(""))).map((chars) => Buffer.from(chars.join(""))),
  );
  fc.assert(
    fc.property(junk, fc.nat(4), (bytes, cut) => {
      const end = Math.max(0, bytes.length - cut);
      const value = scanValue(bytes, 0, end);
      expect(value.end).toBeGreaterThanOrEqual(0);
      expect(value.end).toBeLessThanOrEqual(end);
      let at = 0;
      for (const element of scanElements(bytes, 0, end, 1_000) ?? []) {
        expect(element.start).toBeGreaterThanOrEqual(at);
        expect(element.end).toBeGreaterThan(element.start);
        at = element.end;
      }
      for (const member of scanMembers(bytes, 0, end) ?? []) {
        expect(member.valueEnd).toBeGreaterThan(member.valueStart);
        expect(member.valueStart).toBeGreaterThan(member.keyEnd);
        at = member.valueEnd;
      }
      expect(at).toBeLessThanOrEqual(end);
    }),
    { numRuns: 1_000 },
  );
});
