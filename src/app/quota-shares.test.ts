import { expect, test } from "vitest";
import { sourceConfig } from "../ingest/config.ts";
import { shareOfQuotas } from "./quota-shares.ts";

const web = sourceConfig.parse({ name: "web", keys: ["wk_1"], quota: { eventsPerSecond: 1_000, burst: 3 } });
const app = sourceConfig.parse({ name: "app", keys: ["wk_2"] });

test("workers divide a source's quota, and each can take at least one event", () => {
  expect(shareOfQuotas([web, app], 4)).toEqual([
    { ...web, quota: { ...web.quota, eventsPerSecond: 250, burst: 1 } },
    app,
  ]);
  expect(shareOfQuotas([web, app], 1)).toEqual([web, app]);
});

test("workers together allow no more events a second than the source, however few these are", () => {
  const quota = { eventsPerSecond: 0.5, burst: 1 };
  const [share] = shareOfQuotas([sourceConfig.parse({ name: "slow", keys: ["wk_3"], quota })], 16);
  expect(share?.quota).toEqual({ eventsPerSecond: 0.5 / 16, burst: 1 });
});
