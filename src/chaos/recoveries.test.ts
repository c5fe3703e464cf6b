import { expect, test } from "vitest";
import { longestByFault, Recoveries } from "./recoveries.ts";

test("a recovery goes until a request sent afterwards is acknowledged, and until what was owed is stored", () => {
  const recoveries = new Recoveries();
  recoveries.begin("kill-worker", 1_000, new Set([1, 2]));
  recoveries.onAck(990, 1_005);
  recoveries.onStored(1, 1_100);
  recoveries.onAck(1_010, 1_200);
  recoveries.onAck(1_020, 1_250);
  recoveries.onStored(3, 1_300);
  recoveries.onStored(2, 1_400);
  expect(recoveries.longestSilence).toEqual({ fromMs: 1_005, ms: 195 });
  expect(recoveries.all).toEqual([{ fault: "kill-worker", firstAckMs: 200, drainedMs: 400 }]);
});

test("the longest of each kind of fault is found", () => {
  const recoveries = new Recoveries();
  recoveries.begin("a", 0, new Set());
  recoveries.onAck(1, 50);
  recoveries.begin("b", 100, new Set([1]));
  recoveries.begin("a", 200, new Set([2]));
  recoveries.onAck(201, 210);
  recoveries.onStored(2, 300);
  expect(longestByFault(recoveries.all)).toEqual({
    a: { firstAckMs: 50, drainedMs: 100 },
    b: { firstAckMs: 110, drainedMs: undefined },
  });
});
