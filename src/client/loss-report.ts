/**
 * Why a client gave an event up: there was no room, it was not taken in time, the collector refused the request for
 * good, its data is no JSON, or it was tracked after `close`, or not taken until the deadline of `close`.
 */
export type DropReason = "queue_full" | "expired" | "refused" | "not_json" | "closed" | "unsent";

export type Losses = Readonly<Record<DropReason, number>>;

/** Counts what a client dropped, and what of it the collector has not been told yet. */
export class LossReport {
  readonly #total = noLosses();
  #untold = noLosses();

  get total(): Losses {
    return { ...this.#total };
  }

  /** @returns whether it is the first for this reason since the collector was told */
  add(reason: DropReason, events: number): boolean {
    const isFirst = this.#untold[reason] === 0;
    this.#total[reason] += events;
    this.#untold[reason] += events;
    return isFirst;
  }

  /** What is to be told with the next request. Nobody else tells it until it is given back. */
  take(): Losses {
    const taken = this.#untold;
    this.#untold = noLosses();
    return taken;
  }

  /** When the request it was taken for has not been taken. */
  giveBack(losses: Losses): void {
    for (const reason of REASONS) this.#untold[reason] += losses[reason];
  }
}

const REASONS = ["queue_full", "expired", "refused", "not_json", "closed", "unsent"] as const;

/** As the value of the parameter `dropped`: `queue_full:3,expired:2`; empty without losses. */
export function lossText(losses: Losses): string {
  return REASONS.filter((reason) => losses[reason] > 0)
    .map((reason) => `${reason}:${losses[reason]}`)
    .join(",");
}

function noLosses(): Record<DropReason, number> {
  return { queue_full: 0, expired: 0, refused: 0, not_json: 0, closed: 0, unsent: 0 };
}
