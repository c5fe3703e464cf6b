import * as fc from "fast-check";
import { expect, test } from "vitest";
import { seededRandom } from "../core/seeded-random.ts";
import { clientNetwork } from "./client-ip.ts";
import { ClientQuotas } from "./client-quotas.ts";

const address = (n: number) => clientNetwork(`10.${(n >>> 16) & 255}.${(n >>> 8) & 255}.${n & 255}`);

/** Of `clients` from `first` on, how many have to wait. */
function waiting(quotas: ClientQuotas, first: number, clients: number, nowMs: number): number {
  let count = 0;
  for (let n = first; n < first + clients; n++) if (quotas.waitMs(address(n), nowMs) > 0) count++;
  return count;
}

test("no client gets more than burst, rate and one request on credit, whoever else there is", () => {
  const arrivals = fc.array(fc.tuple(fc.nat({ max: 500 }), fc.nat({ max: 5 }), fc.integer({ min: 1, max: 20 })), {
    maxLength: 300,
  });
  fc.assert(
    fc.property(fc.integer(), fc.integer({ min: 1, max: 20 }), arrivals, (seed, rate, requests) => {
      const quotas = ClientQuotas.create({ eventsPerSecond: rate, burst: 10 }, 0, seededRandom(seed));
      const admitted = new Map<number, number>();
      let nowMs = 0;
      for (const [waitMs, client, events] of requests) {
        nowMs += waitMs;
        if (quotas.waitMs(address(client), nowMs) > 0) continue;
        quotas.charge(address(client), events, nowMs);
        admitted.set(client, (admitted.get(client) ?? 0) + events);
      }
      for (const events of admitted.values()) expect(events).toBeLessThanOrEqual(10 + (rate * nowMs) / 1000 + 20);
    }),
    { numRuns: 50 },
  );
});

test("a quota is full at first, and full again after a quiet time", () => {
  const quotas = ClientQuotas.create({ eventsPerSecond: 2, burst: 3 }, 5_000, seededRandom(1));
  const client = address(1);
  for (let n = 0; n < 3; n++) {
    expect(quotas.waitMs(client, 5_000)).toBe(0);
    quotas.charge(client, 1, 5_000);
  }
  expect(quotas.waitMs(client, 5_000)).toBe(500);
  expect(quotas.waitMs(client, 5_500)).toBe(0);
  quotas.charge(client, 3, 1_000_000);
  expect(quotas.waitMs(client, 1_000_000)).toBe(500);
});

test("a hundred thousand addresses free nobody of what he owes", () => {
  const quotas = ClientQuotas.create({ eventsPerSecond: 1, burst: 10 }, 0, seededRandom(2));
  quotas.charge(address(0), 100, 0);
  for (let n = 1; n <= 100_000; n++) quotas.charge(address(n), 1, 0);
  expect(quotas.waitMs(address(0), 0)).toBeGreaterThanOrEqual(91_000);
});

test("a thousand clients over their quota make hardly anybody else wait", () => {
  const quotas = ClientQuotas.create({ eventsPerSecond: 1, burst: 10 }, 0, seededRandom(3));
  for (let n = 0; n < 1_000; n++) quotas.charge(address(n), 1_000, 0);
  expect(waiting(quotas, 0, 1_000, 0)).toBe(1_000);
  // 3.5 in a million are to be expected.
  expect(waiting(quotas, 1_000, 100_000, 0)).toBeLessThan(10);
});

test("many clients that send little do not add up to one that sends too much", () => {
  const quotas = ClientQuotas.create({ eventsPerSecond: 1, burst: 10 }, 0, seededRandom(4));
  for (let n = 0; n < 100_000; n++) quotas.charge(address(n), 2, 0);
  // Each bucket was charged by 1.5 clients on average, with 2 of 10 tokens each.
  expect(waiting(quotas, 0, 200_000, 0)).toBe(0);
});

test("clients that differ in the last bits only share no more buckets than others", () => {
  const quotas = ClientQuotas.create({ eventsPerSecond: 1, burst: 1 }, 0, seededRandom(5));
  for (let n = 0; n < 4_096; n++) quotas.charge(clientNetwork(`2001:db8::${n.toString(16)}:0:0:0:1`), 1, 0);
  let wait = 0;
  for (let n = 4_096; n < 8_192; n++) {
    if (quotas.waitMs(clientNetwork(`2001:db8::${n.toString(16)}:0:0:0:1`), 0) > 0) wait++;
  }
  // (4,096 / 65,536)³ of 4,096: one.
  expect(wait).toBeLessThan(10);
});

test("new limits keep what each client has used", () => {
  const before = ClientQuotas.create({ eventsPerSecond: 1, burst: 10 }, 0, seededRandom(6));
  before.charge(address(1), 30, 1_000);
  before.charge(address(2), 5, 1_000);
  const after = before.under({ eventsPerSecond: 2, burst: 4 }, 1_000);
  // 20 tokens of debt at 2 a second, and one to go on.
  expect(after.waitMs(address(1), 1_000)).toBe(10_500);
  expect(after.waitMs(address(2), 1_000)).toBe(0);
  // A client that had used nothing has all of the new burst, and no more.
  after.charge(address(3), 4, 1_000);
  expect(after.waitMs(address(3), 1_000)).toBe(500);
});
