import { expect, test } from "vitest";
import { notifyConfig } from "./config.ts";

const rule = { name: "js", when: "true", moreThan: 1 };
const channels = [{ name: "slack", type: "slack", url: "https://hooks.slack.example/services/T/B/x" }];

function problems(settings: object): string[] {
  const parsed = notifyConfig.safeParse({ name: "alerts", type: "notify", channels, ...settings });
  return parsed.error?.issues.map(({ path, message }) => `${path.join(".")}: ${message}`) ?? [];
}

test.each([
  [{}, "rules: there is nothing to tell"],
  [{ rules: [rule, rule] }, "rules.1.name: another one is called js too"],
  [{ rules: [rule], collector: [{ name: "js", watch: "deadLetters", above: 0 }] }, "collector.0.name: another one"],
  [{ rules: [rule], channels: [...channels, ...channels] }, "channels.1.name: another one is called slack too"],
  [{ rules: [{ ...rule, channels: ["pager"] }] }, "rules.0.channels: there is no channel pager"],
  [{ rules: [{ ...rule, lessThan: 1 }] }, "rules.0.moreThan: give either"],
  [{ rules: [{ name: "js", when: "true" }] }, "rules.0.moreThan: give either"],
  [{ rules: [{ name: "js", when: "true", lessThan: 1, groupBy: ["type"] }] }, "rules.0.groupBy: nobody knows"],
  [{ rules: [{ ...rule, labels: { severity: "page" } }] }, "rules.0.labels.severity: is set already"],
  [{ rules: [{ ...rule, groupBy: ["data.release"] }] }, "rules.0.groupBy.0: `type`, `source`, or a JSON Pointer"],
  [
    { collector: [{ name: "c", watch: "sinkLagMs", above: 1, withinMs: 60_000 }] },
    "collector.0.withinMs: has no meaning",
  ],
  [{ collector: [{ name: "c", watch: "workerRestarts", above: 1, sinks: ["s"] }] }, "collector.0.sinks: this figure"],
  [{ collector: [{ name: "c", watch: "deadLetters", above: 1, minEvents: 5 }] }, "collector.0.minEvents: only"],
  [{ collector: [{ name: "c", watch: "invalidRatio", above: 5 }] }, "collector.0.above: this figure is at most 1"],
])("%j is refused: %s", (settings, problem) => {
  expect(problems(settings)).toEqual([expect.stringContaining(problem)]);
});

test("a sink needs a rule and a channel only", () => {
  expect(problems({ rules: [rule] })).toEqual([]);
  expect(problems({ collector: [{ name: "js", watch: "deadLetters", above: 0 }] })).toEqual([]);
});
