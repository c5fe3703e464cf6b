import { pino } from "pino";
import { Registry } from "prom-client";
import { Alerts } from "../../src/alerts/alerts.ts";
import { systemClock } from "../../src/core/clock.ts";
import { notifyConfig } from "../../src/sinks/notify/config.ts";
import { createNotifySink, type SendCounts } from "../../src/sinks/notify/sink.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

/** The events of the suite were received long ago, and all of them are to be in the window. */
const NOW_MS = 1_795_000_000_000;

/** The destination is where counts are judged: a rule that matches all says how many came there. */
async function openHarness(rule: object): Promise<SinkHarness> {
  const config = notifyConfig.parse({
    name: "alerts",
    type: "notify",
    rules: [{ name: "all", moreThan: 0, ...rule }],
    channels: [{ name: "nobody", type: "slack", url: "http://127.0.0.1:9/" }],
    batch: { maxEvents: 200, maxBytes: "256KiB" },
  });
  const alerts = new Alerts(config, "node-a", NOW_MS);
  let state: "up" | "down" | "stalled" = "up";
  const sendCounts: SendCounts = async (report) => {
    if (state === "stalled") return new Promise(() => {});
    if (state === "down") throw new Error("no answer within 15000 ms");
    return alerts.count({ ...report, expiresMs: Number.POSITIVE_INFINITY }, NOW_MS);
  };
  const registry = new Registry();
  const sink = createNotifySink(config, { sendCounts, clock: systemClock, registry, log: pino({ level: "silent" }) });
  return {
    sink,
    async delivered() {
      alerts.judge(NOW_MS);
      return alerts.firing(NOW_MS).reduce((total, { notice }) => total + notice.value, 0);
    },
    // There is no limit in bytes where counts are judged.
    countedBytes: async () => 0,
    async breakDestination() {
      state = "down";
    },
    async repairDestination() {
      state = "up";
    },
    async stallDestination() {
      state = "stalled";
    },
    [Symbol.asyncDispose]: () => sink.close(),
  };
}

describeSinkConformance("notify", () => openHarness({ when: "true" }));
describeSinkConformance("notify, by a value of the event, with more values than groups", () =>
  openHarness({ when: 'type == "conformance.event"', groupBy: ["/n"], maxGroups: 7 }),
);
