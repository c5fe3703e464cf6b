import type { AckLevel } from "../config.ts";
import type { IncomingEvent } from "../protocols/incoming-event.ts";
import type { EnrichmentConfig } from "./config.ts";
import { pointerSteps } from "../json-pointer.ts";
import { textAt } from "./json-text.ts";
import { RecentIds } from "./recent-ids.ts";
import { isSampled } from "./sampling.ts";

/** Why an event that is valid is not stored. */
export const FILTER_REASONS = ["bot", "sampled", "duplicate"] as const;
export type FilterReason = (typeof FILTER_REASONS)[number];

/** What is known of a request when its events are told apart. */
export interface SiftedRequest {
  readonly isBot: boolean;
  readonly ack: AckLevel;
  /** Monotonic time. */
  readonly nowMs: number;
}

/** The valid events of a request, told apart. */
export interface Sifted {
  /** Those to be stored, in order. */
  readonly kept: readonly IncomingEvent[];
  /** Why each event is not stored, by its place among the valid ones; `undefined`: it is. */
  readonly reasons: readonly (FilterReason | undefined)[];
  readonly counts: ReadonlyMap<FilterReason, number>;
}

/**
 * Decides which of a source's valid events are not worth storing: those of bots, those outside of
 * the sample, and those that are stored already, in this order.
 *
 * An id counts as known only once its event was stored, so that what is sent again after a failure
 * is taken.
 */
export class Sieve {
  readonly #config: EnrichmentConfig;
  readonly #sampleBy: readonly string[] | undefined;
  readonly #recent: RecentIds | undefined;
  readonly #random: () => number;

  private constructor(config: EnrichmentConfig, random: () => number, earlier: Sieve | undefined) {
    this.#config = config;
    this.#sampleBy = config.sample === undefined ? undefined : pointerSteps(config.sample.by);
    this.#recent = config.dedupe && new RecentIds(config.dedupe, earlier && earlier.#recent);
    this.#random = random;
  }

  /**
   * @param random 0 to below 1, for events that have nothing to be sampled by
   * @param earlier the one that this replaces, whose ids stay known
   * @returns `undefined` when every event of the source is stored
   */
  static of(config: EnrichmentConfig, random: () => number, earlier?: Sieve): Sieve | undefined {
    const isNeeded = config.bots === "drop" || config.sample !== undefined || config.dedupe !== undefined;
    return isNeeded ? new Sieve(config, random, earlier) : undefined;
  }

  sift(events: readonly IncomingEvent[], request: SiftedRequest): Sifted {
    const kept: IncomingEvent[] = [];
    const reasons: (FilterReason | undefined)[] = [];
    const counts = new Map<FilterReason, number>();
    // An event and its repeat in one request have one fate.
    const ids = new Set<string>();
    for (const event of events) {
      const reason = this.#reasonAgainst(event, request, ids);
      reasons.push(reason);
      if (reason === undefined) {
        kept.push(event);
        if (event.id !== undefined) ids.add(event.id);
      } else counts.set(reason, (counts.get(reason) ?? 0) + 1);
    }
    return { kept, reasons, counts };
  }

  /** Takes note that the events of a request which were kept are in the journal. */
  stored(kept: readonly IncomingEvent[], ack: AckLevel, nowMs: number): void {
    if (this.#recent === undefined) return;
    const copy = { atMs: nowMs, synced: ack === "durable" };
    for (const { id } of kept) if (id !== undefined) this.#recent.stored(id, copy);
  }

  #reasonAgainst(event: IncomingEvent, request: SiftedRequest, ids: ReadonlySet<string>): FilterReason | undefined {
    if (request.isBot && this.#config.bots === "drop") return "bot";
    if (!this.#isInSample(event)) return "sampled";
    return this.#isDuplicate(event.id, request, ids) ? "duplicate" : undefined;
  }

  #isInSample({ id, raw }: IncomingEvent): boolean {
    const { sample } = this.#config;
    if (sample === undefined) return true;
    const key = (this.#sampleBy && textAt(raw, this.#sampleBy)) ?? id;
    return key === undefined ? this.#random() < sample.rate : isSampled(key, sample.rate);
  }

  /** A repeat may ask for more than its first copy was promised: then only another copy can keep the promise. */
  #isDuplicate(id: string | undefined, { ack, nowMs }: SiftedRequest, ids: ReadonlySet<string>): boolean {
    if (this.#recent === undefined || id === undefined) return false;
    if (ids.has(id)) return true;
    const copy = this.#recent.find(id, nowMs);
    if (copy === undefined || ack === "delivered") return false;
    return copy.synced || ack !== "durable";
  }
}
