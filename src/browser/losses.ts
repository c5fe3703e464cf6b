/**
 * Why the client gave events up. Told to the collector, so names are stable:
 * `queue_full`: the memory or the browser's storage had no more room;
 * `expired`: stored for longer than `maxStoredAgeMs`;
 * `too_large`: larger than a request may be;
 * `not_json`: the data cannot be written as JSON;
 * `refused`: the collector refused the request for good, such as for an unknown key;
 * `capture_limit`: a page had more errors or long tasks than are captured of one.
 */
export type LossReason = "queue_full" | "expired" | "too_large" | "not_json" | "refused" | "capture_limit";

export type LossCounts = ReadonlyMap<LossReason, number>;

/** Counts what the client gave up until a batch that tells it has been taken. */
export class Losses {
  #counts = new Map<LossReason, number>();

  count(reason: LossReason, events = 1): void {
    this.#counts.set(reason, (this.#counts.get(reason) ?? 0) + events);
  }

  /** Takes the counts for a batch that is about to tell them. */
  take(): LossCounts {
    const taken = this.#counts;
    this.#counts = new Map();
    return taken;
  }

  /** The batch that should tell them was not taken. */
  giveBack(counts: LossCounts): void {
    for (const [reason, events] of counts) this.count(reason, events);
  }
}

/** For the query of the batch's URL: `&dropped=queue_full:3,expired:2`, or nothing. */
export function lossQuery(counts: LossCounts): string {
  if (counts.size === 0) return "";
  return `&dropped=${[...counts].map(([reason, events]) => `${reason}:${events}`).join(",")}`;
}
