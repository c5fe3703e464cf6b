import pino from "pino";
import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import { admit } from "./admission.ts";
import { clientNetwork } from "./client-ip.ts";
import { sourceConfig } from "./config.ts";
import { SourceTable } from "./sources.ts";
import { Enrichers } from "./enrichment/enrichers.ts";

const config = (fields: Record<string, unknown>) => sourceConfig.parse(fields);
const enrichers = await Enrichers.open([], { clock: systemClock, log: pino({ level: "silent" }) });
const table = SourceTable.create([config({ name: "web", keys: ["wk_web", "wk+/old=="] })], systemClock, enrichers);

test.each([
  ["a Bearer token", { authorization: "Bearer wk_web" }, undefined],
  ["a Bearer token in any case", { authorization: "bEARER  wk_web" }, undefined],
  ["a Basic user name", { authorization: `Basic ${btoa("wk_web:any password")}` }, undefined],
  ["a Basic user name alone", { authorization: `Basic ${btoa("wk+/old==")}` }, undefined],
  ["X-Write-Key", { "x-write-key": "wk_web" }, undefined],
  ["the query", {}, "wk_web"],
  ["several places that agree", { authorization: "Bearer wk_web", "x-write-key": "wk_web" }, "wk_web"],
  ["the query beside another scheme", { authorization: "Negotiate abc" }, "wk_web"],
])("the write key is found in %s", (_place, headers, queryKey) => {
  expect(admit(headers, queryKey, table)).toMatchObject({ name: "web" });
});

test("names of things that every object has are no keys", () => {
  for (const key of ["__proto__", "constructor", "toString"]) {
    expect(admit({ "x-write-key": key }, undefined, table)).toMatchObject({ code: "unknown_key" });
  }
});

test("a reload keeps what a source and its clients have used of their quotas", () => {
  const perClient = { eventsPerSecond: 0.1, burst: 1 };
  const limits = { name: "web", keys: ["wk_web"], quota: { eventsPerSecond: 1, burst: 1, perClient } };
  const before = SourceTable.create([config(limits)], systemClock, enrichers);
  const [client, other] = [clientNetwork("192.0.2.1"), clientNetwork("192.0.2.2")];
  before.byKey("wk_web")?.quota?.charge(client, 1_000, systemClock.monotonicMs());
  const after = before.replacedBy([config({ ...limits, keys: ["wk_new"] })]);
  expect(after.byKey("wk_web")).toBeUndefined();
  const quota = after.byKey("wk_new")?.quota;
  expect(quota?.usedUp(client, systemClock.monotonicMs())).toMatchObject({ of: "client" });
  const usedUp = quota?.usedUp(other, systemClock.monotonicMs());
  expect(usedUp).toMatchObject({ of: "source" });
  expect(usedUp?.waitMs).toBeGreaterThan(900_000);
});
