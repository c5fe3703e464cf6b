import type { Price } from "./price.ts";
import { PRICES, type PriceList } from "./prices.ts";

/** What the figures leave out or rest on, to be read with them. */
export const NOTES = [
  "Nobody's working time is in here. A managed service needs less of it: nodes must be patched, watched and scaled.",
  "A Fargate task's disk ends with the task: use a lifeboat for what a journal still holds, or EC2 with a disk.",
  "CloudFront or WAF before the collector charge by the request and cancel much of the saving.",
  "List prices on demand: no free tier, commitment, spot, tax or support. Log storage, metrics and backups are not counted.",
] as const;

/** Where the prices are from, and which of them to doubt. */
export function priceNotes(prices: PriceList): string[] {
  const all = Object.values(prices);
  const dates = distinct(all.map(({ gathered }) => gathered)).toSorted();
  const secondhand = distinct(all.filter((price) => price.secondhand === true).map(({ service }) => service));
  const kept = all.filter(isShipped).length;
  const notes = [`Prices gathered ${dates.join(", ")}; ${regionsOf(prices)}.`];
  if (kept > 0 && kept < all.length) notes.push(`${all.length - kept} prices are yours, the other ${kept} as shipped.`);
  if (secondhand.length > 0) notes.push(`Secondhand, not checked at the source: ${secondhand.join("; ")}.`);
  return notes;
}

/** The regions that the prices are of. */
export function regionsOf(prices: PriceList): string {
  return distinct(Object.values(prices).map(({ region }) => region))
    .toSorted()
    .join(" and ");
}

function isShipped(price: Price): boolean {
  return Object.values<Price>(PRICES).includes(price);
}

function distinct(values: readonly string[]): string[] {
  return [...new Set(values)];
}
