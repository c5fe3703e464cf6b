import { expect, test } from "vitest";
import { charge, chargeFlat } from "./charge.ts";
import { PRICES } from "./prices.ts";

test("each unit is charged at the price of the tier it falls into", () => {
  const usd = (millions: number) => charge(PRICES, "apiGatewayRest", millions, "").usd;
  expect(usd(0)).toBe(0);
  expect(usd(333)).toBeCloseTo(333 * 3.5);
  expect(usd(334)).toBeCloseTo(333 * 3.5 + 2.8);
  expect(usd(30_000)).toBeCloseTo(333 * 3.5 + 667 * 2.8 + 19_000 * 2.38 + 10_000 * 1.51);
});

test("flat, all units are charged at the price of the first", () => {
  expect(chargeFlat(PRICES, "apiGatewayRest", 30_000, "").usd).toBeCloseTo(30_000 * 3.5);
});
