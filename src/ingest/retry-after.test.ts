import { expect, test } from "vitest";
import { retryAfterSeconds, spreadRetry } from "./retry-after.ts";

const refusedFor = (waitMs: number) =>
  ({ code: "overloaded", detail: "", retryAfterSeconds: retryAfterSeconds(waitMs) }) as const;

test.each([
  ["a moment", 1, 1, 3],
  ["two seconds", 2_000, 2, 6],
  ["a little more than two", 2_001, 3, 9],
  ["an hour", 3_600_000, 3_600, 3_660],
])("a wait of %s is told as whole seconds, from the wait itself up", (_wait, waitMs, least, most) => {
  expect(spreadRetry(refusedFor(waitMs), () => 0).retryAfterSeconds).toBe(least);
  expect(spreadRetry(refusedFor(waitMs), () => 0.999_999).retryAfterSeconds).toBe(most);
});

test("those who are refused together are told different times, evenly", () => {
  const told = new Map<number, number>();
  for (let i = 0; i < 500; i++) {
    const { retryAfterSeconds: seconds = 0 } = spreadRetry(refusedFor(2_000), () => i / 500);
    told.set(seconds, (told.get(seconds) ?? 0) + 1);
  }
  expect([...told]).toEqual([2, 3, 4, 5, 6].map((seconds) => [seconds, 100]));
});

test("what is not to be sent again stays as it is", () => {
  const problem = { code: "not_found", detail: "" } as const;
  expect(spreadRetry(problem, () => 0.5)).toEqual(problem);
});
