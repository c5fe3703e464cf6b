/** A number for people: `1234567.8` as `1,234,568`, small ones with more digits. */
export function figure(value: number): string {
  if (Math.abs(value) < 1) return value.toLocaleString("en-US", { maximumSignificantDigits: 2 });
  const maximumFractionDigits = Math.abs(value) >= 1_000 ? 0 : Math.abs(value) >= 100 ? 1 : 2;
  return value.toLocaleString("en-US", { maximumFractionDigits });
}

/** A month's bill in whole dollars: nobody's load is known more exactly. */
export function dollars(usd: number): string {
  return usd !== 0 && usd < 1 ? "<1" : Math.round(usd).toLocaleString("en-US");
}

/** A price of a unit as `0.015` or `3.50`: every digit of it, and cents at least. */
export function unitPrice(usd: number): string {
  return usd.toLocaleString("en-US", { minimumFractionDigits: 2, maximumFractionDigits: 12 });
}

/** `1 shard`, `2 shards`. */
export function counted(count: number, noun: string): string {
  return `${figure(count)} ${noun}${count === 1 ? "" : "s"}`;
}
