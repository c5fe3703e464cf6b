import { expect, test } from "vitest";
import { readAnswer } from "./answer.ts";

test("an empty answer rejects nothing", () => {
  expect(readAnswer("")).toEqual({ rejected: new Map(), delivery: undefined });
});

test("what was rejected is known by its place in the request", () => {
  const text = '{"delivery":"pending","results":[{"index":0,"status":"accepted"},{"index":1,"status":"rejected"}]}';
  expect(readAnswer(text)).toEqual({
    rejected: new Map([[1, '{"index":1,"status":"rejected"}']]),
    delivery: "pending",
  });
});

test.each([
  "<html>",
  "{",
  "null",
  "5",
  '{"results":5}',
  '{"results":[null]}',
  '{"results":[{"index":"0"}]}',
  '{"delivery":1}',
])("%s is no answer", (text) => expect(readAnswer(text)).toBeUndefined());
