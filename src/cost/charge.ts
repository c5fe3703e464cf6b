import { firstUsd, type Price } from "./price.ts";
import type { PriceList, PriceName } from "./prices.ts";

/** A quantity times a price: the smallest part of a bill. */
export interface Charge {
  readonly price: PriceName;
  /** In the price's unit, a month. */
  readonly quantity: number;
  /** The quantity by the prices of its tiers, in order; one when there are none. */
  readonly parts: readonly Part[];
  readonly usd: number;
  /** How the quantity comes about. */
  readonly how: string;
}

interface Part {
  readonly quantity: number;
  readonly usdPerUnit: number;
}

/** Something that one pays for, with what it consists of. */
export interface Item {
  readonly name: string;
  /** A month. */
  readonly usd: number;
  /** What it comes to in a few words: nodes, shards, capacity units. */
  readonly size: string;
  /** Empty when the figure is quoted and cannot be computed. */
  readonly charges: readonly Charge[];
  /** Set when somebody else's figure is repeated as it is: why, and whose. */
  readonly quoted?: string;
}

/** Charges a quantity by the price's tiers. */
export function charge(prices: PriceList, name: PriceName, quantity: number, how: string): Charge {
  return chargeOf(name, partsOf(prices[name], quantity), how);
}

/** Charges every unit at the price of the first, as if there were no tiers. */
export function chargeFlat(prices: PriceList, name: PriceName, quantity: number, how: string): Charge {
  return chargeOf(name, [{ quantity, usdPerUnit: firstUsd(prices[name]) }], how);
}

export function item(name: string, size: string, charges: readonly Charge[]): Item {
  return { name, size, charges, usd: charges.reduce((sum, { usd }) => sum + usd, 0) };
}

function chargeOf(price: PriceName, parts: readonly Part[], how: string): Charge {
  const quantity = parts.reduce((sum, part) => sum + part.quantity, 0);
  const usd = parts.reduce((sum, part) => sum + part.quantity * part.usdPerUnit, 0);
  return { price, quantity, parts, usd, how };
}

function partsOf({ usd }: Price, quantity: number): Part[] {
  if (typeof usd === "number") return [{ quantity, usdPerUnit: usd }];
  const parts: Part[] = [];
  let charged = 0;
  for (const tier of usd) {
    const upTo = Math.min(quantity, tier.upTo ?? Number.POSITIVE_INFINITY);
    if (upTo <= charged) break;
    parts.push({ quantity: upTo - charged, usdPerUnit: tier.usd });
    charged = upTo;
  }
  return parts;
}
