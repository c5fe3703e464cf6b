import { expect, test } from "vitest";
import { problemsOf, type TopicSettings } from "./topic-check.ts";

const CONFIG = { acks: "all", key: "id", maxMessageBytes: 1_000_000 } as const;

function problems(
  replicas: number,
  settings: TopicSettings,
  config: Parameters<typeof problemsOf>[3] = CONFIG,
): string {
  const partition = { leader: 1, leaderEpoch: 1, replicas: Array(replicas).fill(1), isr: [1], offlineReplicas: [] };
  return problemsOf("events", { partitions: [partition] }, settings, config).join("\n");
}

test("three replicas of which two must be in sync are well, and so is a single one", () => {
  expect(problems(3, { minInSyncReplicas: 2, maxMessageBytes: 1_048_588 })).toBe("");
  expect(problems(1, { minInSyncReplicas: 1 })).toBe("");
  expect(problems(3, {})).toBe("");
});

test("what loses events, stops writes or refuses them is said with what to do", () => {
  expect(problems(3, { minInSyncReplicas: 1 })).toContain("Set it to 2");
  expect(problems(2, { minInSyncReplicas: 2 })).toContain("one broker that is down stops all writes");
  expect(problems(1, { minInSyncReplicas: 2 })).toContain("no write will be taken");
  expect(problems(3, { minInSyncReplicas: 2, maxMessageBytes: 1000 })).toContain("at most 1000 bytes");
  expect(problems(3, { minInSyncReplicas: 2, compacted: true }, { ...CONFIG, key: "none" })).toContain("compacted");
});
