import { expect, test } from "vitest";
import { problemsOf } from "./stream-check.ts";

const CONFIG = { subject: "events.{type}", maxPayloadBytes: 1_000_000 };
const STREAM = {
  name: "S",
  subjects: ["events.>"],
  max_msg_size: -1,
  duplicate_window: 120e9,
  storage: "file",
  num_replicas: 3,
};
const CLUSTER = { name: "c", leader: "n1", replicas: [{ offline: false }] };

function problems(stream: object, cluster: object = CLUSTER): string {
  const info = { config: { ...STREAM, ...stream }, cluster } as unknown as Parameters<typeof problemsOf>[0];
  return problemsOf(info, CONFIG).join("\n");
}

test("a stream that takes every subject and keeps it in files is well", () => {
  expect(problems({})).toBe("");
});

test("what holds events back, loses them or doubles them is said with what to do", () => {
  expect(problems({ subjects: ["events.order.*"] })).toContain("not all of events.>");
  expect(problems({ max_msg_size: 1000 })).toContain("at most 1000 bytes");
  expect(problems({ duplicate_window: 1e9 })).toContain("raise duplicate_window");
  expect(problems({ storage: "memory" })).toContain("kept in memory");
  expect(problems({}, { ...CLUSTER, leader: "" })).toContain("no leader");
  expect(problems({}, { ...CLUSTER, replicas: [{ offline: true }] })).toContain("1 of 3 replicas");
});
