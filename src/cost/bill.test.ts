import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import { bill } from "./bill.ts";
import { type Workload, workload } from "./workload.ts";

/** What an item of a bill comes to, in whole dollars a month. */
function dollarsOf(name: string, given: Partial<Workload>): number {
  const items = bill(workload(given)).sections.flatMap((section) => section.items);
  const found = items.find((item) => item.name === name);
  if (found === undefined) throw new Error(`there is no ${name} among ${items.map((item) => item.name).join(", ")}`);
  return Math.round(found.usd);
}

describe("the original's figures come out exactly", () => {
  test.each([
    [5e6, 12_600],
    [12e6, 30_240],
  ])("API Gateway at %d requests an hour, flat, 30 days", (eventsPerHour, usd) => {
    const [restFlat] = bill(workload({ eventsPerHour })).sections[0]?.items ?? [];
    expect(restFlat).toMatchObject({ name: "API Gateway REST, as the original counted" });
    expect(restFlat?.usd).toBeCloseTo(usd, 6);
  });

  test("its own nodes, which are quoted and say so at every rate", () => {
    for (const eventsPerHour of [5e6, 12e6]) {
      const items = bill(workload({ eventsPerHour })).sections.flatMap((section) => section.items);
      const quoted = items.filter((item) => item.quoted !== undefined);
      expect(quoted.map(({ usd }) => usd)).toEqual([59, 174, 397]);
      expect(quoted.every(({ size, charges }) => size.endsWith("quoted") && charges.length === 0)).toBe(true);
    }
  });
});

/** 8.64 billion events of 500 B a month, with the assumptions that docs/cost.md names. */
const AT_12M = {
  eventsPerHour: 12e6,
  eventBytes: 500,
  eventsPerRequest: 1,
  requestOverheadBytes: 500,
  answerBytes: 280,
  peakFactor: 3,
  shardUtilisation: 0.8,
  compressionRatio: 6,
  readers: 1,
  hoursPerMonth: 720,
};

describe("what 12 million events an hour are known to cost comes out to the dollar", () => {
  test.each([
    ["API Gateway REST, by its tiers", {}, 21_216],
    ["API Gateway HTTP API", {}, 7_806],
    ["ALB, 1 request a connection", { requestsPerConnection: 1 }, 784],
    ["ALB, 5 requests a connection", { requestsPerConnection: 5 }, 170],
    ["NLB, with TLS in the process", { requestsPerConnection: 5 }, 78],
    ["Kinesis provisioned, one event a record", {}, 261],
    ["Kinesis provisioned, kpl", {}, 78],
    ["Kinesis on-demand, one event a record", {}, 849],
    ["S3, gzip, 1 month kept", { monthsKept: 1 }, 16],
  ])("%s", (name, given, usd) => {
    expect(dollarsOf(name, { ...AT_12M, ...given })).toBe(usd);
  });

  test("and the defaults are these assumptions", () => {
    expect(workload()).toMatchObject({ ...AT_12M, requestsPerConnection: 5, monthsKept: 1 });
  });
});

test("every figure is the sum of its charges, and every way the sum of its parts", () => {
  const { sections, ways } = bill(workload());
  for (const { usd, charges, quoted } of sections.flatMap(({ items }) => items)) {
    if (quoted !== undefined) continue;
    expect(usd).toBeCloseTo(
      charges.flatMap(({ parts }) => parts).reduce((sum, part) => sum + part.quantity * part.usdPerUnit, 0),
    );
  }
  for (const { usd, parts } of ways) expect(usd).toBeCloseTo(parts.reduce((sum, part) => sum + part.usd, 0));
});

test("nothing gets cheaper by more events, whatever their size and number in a request", () => {
  const rate = fc.integer({ min: 1, max: 1e9 });
  const shape = fc.record({
    eventBytes: fc.integer({ min: 1, max: 1e6 }),
    eventsPerRequest: fc.integer({ min: 1, max: 1_000 }),
    requestsPerConnection: fc.integer({ min: 1, max: 1_000 }),
  });
  fc.assert(
    fc.property(rate, rate, shape, (one, other, given) => {
      const costs = (eventsPerHour: number) => {
        const { sections, ways } = bill(workload({ ...given, eventsPerHour }));
        return [...sections.flatMap(({ items }) => items), ...ways].map(({ usd }) => usd);
      };
      const [less, more] = [costs(Math.min(one, other)), costs(Math.max(one, other))];
      for (const [index, usd] of less.entries()) expect(more[index]).toBeGreaterThanOrEqual(usd * (1 - 1e-12));
    }),
  );
});
