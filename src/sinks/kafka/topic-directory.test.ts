import { expect, test } from "vitest";
import { systemClock } from "../../core/clock.ts";
import { TopicDirectory } from "./topic-directory.ts";

test("unknown names ask for the list at most every half minute, whatever their number", async () => {
  let nowMs = 0;
  let asked = 0;
  const topics = ["a"];
  const list = async (): Promise<readonly string[]> => {
    asked++;
    return [...topics];
  };
  const directory = new TopicDirectory(list, { ...systemClock, monotonicMs: () => nowMs });
  for (let n = 0; n < 100; n++) expect((await directory.existing([`x${n}`, "a"])).has("a")).toBe(true);
  expect(asked).toBe(1);
  topics.push("b");
  expect((await directory.existing(["b"])).has("b")).toBe(false);
  nowMs = 30_000;
  expect((await directory.existing(["b"])).has("b")).toBe(true);
  await directory.existing(["a", "b"]);
  expect(asked).toBe(2);
});

test("a list that cannot be had the first time is a failure, and later the old one is good", async () => {
  let nowMs = 0;
  let answer: readonly string[] | undefined;
  const list = async (): Promise<readonly string[]> => {
    if (answer === undefined) throw new Error("no broker");
    return answer;
  };
  const directory = new TopicDirectory(list, { ...systemClock, monotonicMs: () => nowMs });
  await expect(directory.existing(["a"])).rejects.toThrow("no broker");
  answer = ["a"];
  expect((await directory.existing(["a"])).has("a")).toBe(true);
  answer = undefined;
  nowMs = 60_000;
  expect((await directory.existing(["a", "b"])).has("a")).toBe(true);
});
