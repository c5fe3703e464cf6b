import { expect, test } from "vitest";
import { bucketMsOf } from "../../alerts/count-report.ts";
import { eventRule } from "../../alerts/rule-config.ts";
import type { CollectedEvent } from "../../core/event.ts";
import { RuleCounter } from "./encode.ts";

function event(data: unknown, receivedMs = 600_000, type = "js.error"): CollectedEvent {
  return { position: 0, id: "e1", type, source: "web", receivedMs, bytes: Buffer.from(JSON.stringify({ type, data })) };
}

function groupsOf(rule: object, events: readonly CollectedEvent[]) {
  const config = eventRule.parse({ name: "rule", when: "true", moreThan: 1, ...rule });
  return new RuleCounter([config], undefined).encode(events).rules.flatMap(({ groups }) => groups);
}

test("events are counted by rule, group and bucket, with the times of the first and the last", () => {
  const rule = { when: 'type == "js.error"', groupBy: ["/data/release"], withinMs: 300_000 };
  const bucketMs = bucketMsOf(300_000);
  const events = [
    event({ release: "A" }, 600_000),
    event({ release: "B" }, 600_000),
    event({ release: "A" }, 600_000 + bucketMs),
    event({ release: "A" }, 600_001),
    event({ release: "A" }, 600_000, "page.viewed"),
  ];
  expect(groupsOf(rule, events)).toEqual([
    {
      values: ["A"],
      buckets: [
        [600_000 / bucketMs, 2],
        [600_000 / bucketMs + 1, 1],
      ],
      firstMs: 600_000,
      lastMs: 600_000 + bucketMs,
      sampleId: "e1",
    },
    { values: ["B"], buckets: [[600_000 / bucketMs, 1]], firstMs: 600_000, lastMs: 600_000, sampleId: "e1" },
  ]);
});

test.each([
  [
    ["type", "source"],
    ["js.error", "web"],
  ],
  [["/data/user~1id"], ["7"]],
  [["/data/list/1"], ["b"]],
  [["/data/list"], ['["a","b"]']],
  [["/data/missing"], ["(none)"]],
  [["/data/toString"], ["(none)"]],
  [["/data/long"], [`${"x".repeat(199)}…`]],
])("the group by %j is %j", (groupBy, values) => {
  const data = { "user/id": 7, list: ["a", "b"], long: "x".repeat(1_000) };
  expect(groupsOf({ groupBy }, [event(data)]).map((group) => group.values)).toEqual([values]);
});

test("an event for which an expression has no answer does not count, and is counted as that", () => {
  const rules = ["data.total > 100", "true"].map((when, index) =>
    eventRule.parse({ name: `rule-${index}`, when, moreThan: 1 }),
  );
  const { rules: counts, counted } = new RuleCounter(rules, undefined).encode([event({ total: 120 }), event({})]);
  expect(counts.map(({ rule, groups }) => [rule, groups[0]?.buckets[0]?.[1]])).toEqual([
    ["rule-0", 1],
    ["rule-1", 2],
  ]);
  expect(counted).toMatchObject([
    { events: 1, errors: 1, lastError: expect.stringMatching(/\w/) as string },
    { events: 2, errors: 0 },
  ]);
});
