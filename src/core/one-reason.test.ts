import { expect, test } from "vitest";
import { oneReason } from "./one-reason.ts";

const down = { kind: "retryable", reason: "no leader" } as const;

test("one reason is found only where every event has it", () => {
  expect(oneReason([down, down])).toBe("no leader");
  expect(oneReason([down, { kind: "retryable", reason: "throttled" }])).toBeUndefined();
  expect(oneReason([down, { kind: "delivered" }])).toBeUndefined();
  expect(oneReason([{ kind: "rejected", reason: "no leader" }, down])).toBeUndefined();
  expect(oneReason([])).toBeUndefined();
});
