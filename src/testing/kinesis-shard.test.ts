import { expect, test } from "vitest";
import { ShardIntake, shardIndexOf } from "./kinesis-shard.ts";

test("hash keys are shared evenly, from the first shard to the last", () => {
  const last = String(2n ** 128n - 1n);
  expect(shardIndexOf("any", "0", 4)).toBe(0);
  expect(shardIndexOf("any", String(2n ** 127n - 1n), 4)).toBe(1);
  expect(shardIndexOf("any", String(2n ** 127n), 4)).toBe(2);
  expect(shardIndexOf("any", last, 4)).toBe(3);
  // MD5("a") begins 0cc1, MD5("e") begins e167.
  expect(shardIndexOf("a", undefined, 16)).toBe(0x0);
  expect(shardIndexOf("e", undefined, 16)).toBe(0xe);
});

test("a shard takes its records and bytes of a second at once, then as they come back", () => {
  const limits = { bytesPerSecond: 1_000, recordsPerSecond: 10 };
  const intake = new ShardIntake();
  const takenAt = (bytes: number, nowMs: number) => {
    let taken = 0;
    while (taken < 100 && intake.take(bytes, limits, nowMs)) taken++;
    return taken;
  };
  expect(takenAt(10, 5_000)).toBe(10);
  expect(takenAt(10, 5_500)).toBe(5);
  expect(takenAt(400, 9_000)).toBe(2);
});
