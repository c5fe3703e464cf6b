import * as fc from "fast-check";
import { expect, test } from "vitest";
import { attributeText, messageBytes, messageText } from "./message-text.ts";

const strings = fc.string({ unit: fc.oneof(fc.constantFrom("\uFFFE", "\uFFFF", "\uFFFD", "a", "🦥"), fc.string()) });

test("a message means what the event means, has no character that is not taken, and counts as many bytes", () => {
  fc.assert(
    fc.property(strings, (text) => {
      const json = Buffer.from(JSON.stringify({ data: text.toWellFormed() }));
      const message = messageText(json);
      expect(JSON.parse(message)).toEqual(JSON.parse(json.toString()));
      expect(message).not.toMatch(/[\uFFFE\uFFFF]/);
      expect(messageBytes(json)).toBe(Buffer.byteLength(message));
    }),
  );
});

test("what an attribute may not hold is replaced", () => {
  expect(attributeText("a\u0000b\tc\uFFFEd\uD800")).toBe("a\uFFFDb\tc\uFFFDd\uFFFD");
});
