/** How a sink is doing, as its pipeline sees it. */
export interface SinkHealth {
  /** `failing`: the last batch failed whole; `open`: so did those before, and only probes are sent. */
  readonly state: "ok" | "failing" | "open";
  /** Since when it is ok, or is not, in Unix milliseconds. */
  readonly sinceMs: number;
  /** Why the last failed write failed; kept after the sink has recovered. */
  readonly lastError: string | undefined;
  /** Writes on their way. */
  readonly inFlight: number;
  /** Events in the journal that this sink has not settled. */
  readonly lagEvents: number;
  /** Age of the oldest event that was read and not settled, in milliseconds; 0 when there is none. */
  readonly lagMs: number;
}
