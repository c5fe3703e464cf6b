/** What a provider charges for a unit. Every figure says where and when it was found. */
export interface Price {
  readonly service: string;
  /** What one of is charged. */
  readonly unit: string;
  /** In US dollars: of each unit, or falling with how many there are in a month. */
  readonly usd: number | readonly Tier[];
  readonly region: string;
  /** Where anyone can look it up; for `secondhand` figures, where it would have to be checked. */
  readonly source: string;
  /** ISO date. */
  readonly gathered: string;
  /** True when the figure is from someone else's table or from memory, and was not checked at the source. */
  readonly secondhand?: boolean;
}

export interface Tier {
  /** Units of a month up to which this price holds, counted from the first; the last tier has none. */
  readonly upTo?: number | undefined;
  readonly usd: number;
}

/** The price of the first unit of a month. */
export function firstUsd({ usd }: Price): number {
  return typeof usd === "number" ? usd : (usd[0]?.usd ?? 0);
}
