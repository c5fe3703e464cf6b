import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { bucketMsOf, countingOf } from "../alerts/count-report.ts";
import { systemClock } from "../core/clock.ts";
import { millraceConfig } from "./config.ts";
import { NodeAlerts } from "./node-alerts.ts";
import { createSink } from "./sink-types.ts";

const log = pino({ level: "silent" });
const never = () => Promise.reject(new Error("not asked"));
const rule = { name: "all", when: "true", moreThan: 1 };
const notify = {
  name: "alerts",
  type: "notify",
  rules: [rule],
  channels: [{ name: "c", type: "alertmanager", urls: ["http://127.0.0.1:9"] }],
};
const configOf = (...sinks: object[]) => millraceConfig.parse({ sources: [{ name: "web", keys: ["wk_test"] }], sinks });

function report(events: number) {
  const nowMs = Date.now();
  const [sink] = configOf(notify).sinks;
  const [config] = sink?.type === "notify" ? sink.rules : [];
  if (config === undefined) throw new Error("there is a rule");
  const bucket = Math.floor(nowMs / bucketMsOf(config.withinMs));
  const group = { values: [], buckets: [[bucket, events] as const], firstMs: nowMs, lastMs: nowMs, sampleId: "e1" };
  const rules = [{ rule: "all", counting: countingOf(config, undefined), groups: [group] }];
  return { sink: "alerts", expiresMs: nowMs + 60_000, rules };
}

test("counts of all workers come together, and those for a sink that is not known are not taken", async () => {
  const alerts = new NodeAlerts({ node: "node-a", log, watch: never });
  expect(await alerts.count(report(1))).toBe("unknown");
  await alerts.apply(configOf(notify));
  expect(await Promise.all([alerts.count(report(1)), alerts.count(report(1))])).toEqual(["counted", "counted"]);
  await expect.poll(() => alerts.view().firing, { timeout: 20_000 }).toMatchObject([{ rule: "all", value: 2 }]);
  await alerts.apply(configOf({ name: "memory", type: "memory" }));
  expect(await alerts.count(report(1))).toBe("unknown");
  expect(alerts.view()).toEqual({ firing: [], sinks: [] });
  await alerts.close();
});

test("a configuration that cannot be put into force keeps no later one out", async () => {
  const alerts = new NodeAlerts({ node: "node-a", log, watch: never });
  const config = configOf(notify);
  const broken = { ...config, sinks: [{ ...config.sinks[0], channels: [{ type: "alertmanager", urls: ["no URL"] }] }] };
  await expect(alerts.apply(broken as unknown as typeof config)).rejects.toThrow("Invalid URL");
  await alerts.apply(config);
  expect(await alerts.count(report(1))).toBe("counted");
  await alerts.close();
});

test("outside of a running collector a sink that only counts cannot be made, and that is said", async () => {
  const [sink] = configOf(notify).sinks;
  if (sink === undefined) throw new Error("there is a sink");
  const made = createSink(sink, { node: "n", slot: "lambda", clock: systemClock, registry: new Registry(), log });
  await expect(made).rejects.toMatchObject({
    code: "sink_misconfigured",
    message: expect.stringContaining("sink alerts") as string,
  });
});
