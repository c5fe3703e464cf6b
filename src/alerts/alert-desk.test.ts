import { pino } from "pino";
import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import { AlertDesk } from "./alert-desk.ts";
import type { AlertSettings } from "./alerts.ts";
import { channel } from "./channel-config.ts";
import { collectorRule } from "./rule-config.ts";

/** Channels to which nobody listens, and a rule that is true as soon as a worker was replaced. */
function settingsOf(...channels: string[]): AlertSettings {
  return {
    name: "alerts",
    rules: [],
    collector: [collectorRule.parse({ name: "restarts", watch: "workerRestarts", above: 0 })],
    channels: channels.map((name) => channel.parse({ name, type: "slack", url: `http://127.0.0.1:9/${name}` })),
  };
}

const figures = (workerRestarts: number) => ({
  isComplete: true,
  sources: [],
  sinks: [],
  journalFraction: 0,
  workerRestarts,
});

test("a reload leaves a channel that stays what waits for it, and closes one that is gone", async () => {
  const log = pino({ level: "silent" });
  const desk = new AlertDesk(settingsOf("stays", "goes"), {
    node: "node-a",
    clock: systemClock,
    random: Math.random,
    log,
  });
  desk.observe(figures(0));
  desk.observe(figures(1));
  desk.tick();
  expect(desk.firing()).toMatchObject([{ rule: "restarts", value: 1 }]);
  desk.apply(settingsOf("stays", "comes"), 50);
  desk.tick();
  expect(desk.figures().channels).toMatchObject([
    { channel: "stays", waiting: 1 },
    { channel: "comes", waiting: 0 },
  ]);
  await desk.close(50);
  expect(desk.figures().channels).toMatchObject([
    { channel: "stays", waiting: 0, dropped: { shutdown: 1 } },
    { channel: "comes", waiting: 0, dropped: {} },
  ]);
});
