import { z } from "zod";
import type { Price } from "./price.ts";
import { PRICES, type PriceList, type PriceName } from "./prices.ts";

const usd = z.number().min(0);

const tiers = z
  .array(
    z.strictObject({ upTo: z.number().positive().optional().describe("Units a month up to which it holds."), usd }),
  )
  .min(1)
  .refine(rise, { error: "each tier but the last has an upTo, and they rise" });

const price = z.union([
  usd,
  z.strictObject({
    usd: z.union([usd, tiers]).describe("US dollars a unit, or a list of tiers."),
    source: z.string().min(1).optional().describe("Where the figure is from."),
  }),
]);

const NAMES = Object.keys(PRICES) as PriceName[]; // oxlint-disable-line typescript/no-unsafe-type-assertion -- keys of that very object

/** What `millrace cost --prices FILE` reads: prices in place of those that ship with Millrace. */
export const priceFile = z.strictObject({
  region: z.string().min(1).optional().describe("The region whose prices these are."),
  gathered: z.iso.date().describe("When they were looked up, such as 2026-11-23."),
  prices: z.strictObject(
    Object.fromEntries(NAMES.map((name) => [name, price.optional().describe(describe(PRICES[name]))])),
  ),
});

export type PriceFile = z.infer<typeof priceFile>;

/** The shipped list with the file's prices in their places. */
export function withPrices(file: PriceFile, list: PriceList = PRICES): PriceList {
  const merged: Record<PriceName, Price> = { ...list };
  for (const name of NAMES) {
    const own = file.prices[name];
    if (own === undefined) continue;
    const { usd: figure, source } = typeof own === "number" ? { usd: own, source: undefined } : own;
    merged[name] = {
      service: list[name].service,
      unit: list[name].unit,
      usd: figure,
      region: file.region ?? list[name].region,
      source: source ?? "the file given by --prices",
      gathered: file.gathered,
    };
  }
  return merged;
}

function describe({ service, unit }: Price): string {
  return `${service}, US dollars for each ${unit}.`;
}

function rise(list: readonly { readonly upTo?: number | undefined }[]): boolean {
  return list.every(({ upTo }, index) => {
    if (index === list.length - 1) return upTo === undefined;
    return upTo !== undefined && upTo > (list[index - 1]?.upTo ?? 0);
  });
}
