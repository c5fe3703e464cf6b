import { expect, test } from "vitest";
import { closestWord } from "./closest-word.ts";

test("a word is suggested for a slip of the keyboard, and none for another word", () => {
  const known = ["listen", "maxEvents", "maxBytes", "type"];
  expect(closestWord("lisetn", known)).toBe("listen");
  expect(closestWord("max_events", known)).toBe("maxEvents");
  expect(closestWord("TYPE", known)).toBe("type");
  expect(closestWord("typ", known)).toBe("type");
  expect(closestWord("colour", known)).toBeUndefined();
  expect(closestWord("x", known)).toBeUndefined();
});
