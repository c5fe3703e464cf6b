import { expect, test } from "vitest";
import type { Price } from "./price.ts";
import { priceFile, withPrices } from "./price-file.ts";
import { PRICES } from "./prices.ts";

test("every price that ships has its unit, region, date and a page to check it", () => {
  for (const price of Object.values<Price>(PRICES)) {
    expect(price).toMatchObject({ region: "us-east-1", gathered: expect.stringMatching(/^2026-11-2\d$/) });
    expect(price.unit).not.toBe("");
    expect(price.source).toMatch(/^https:\/\/aws\.amazon\.com\/.+\/pricing\//);
  }
});

test("a price from a file takes the place of one, with its region and date, and is no longer secondhand", () => {
  const file = priceFile.parse({ region: "eu-west-1", gathered: "2026-12-01", prices: { wafRequest: 0.7 } });
  const { wafRequest, natHour } = withPrices(file);
  expect(wafRequest).toEqual({
    service: "WAF",
    unit: "million requests",
    usd: 0.7,
    region: "eu-west-1",
    gathered: "2026-12-01",
    source: "the file given by --prices",
  });
  expect(natHour).toBe(PRICES.natHour);
});
