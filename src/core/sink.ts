import type { CollectedEvent } from "./event.ts";

/** What one `write` may hold. The pipeline never exceeds any of them. */
export interface BatchLimits {
  readonly maxEvents: number;
  /** Sum of `eventBytes` over the batch. */
  readonly maxBytes: number;
  /** An event whose `eventBytes` is larger is dead-lettered before it is batched. */
  readonly maxEventBytes: number;
  /** Longest wait for a partial batch, in milliseconds. */
  readonly maxAgeMs: number;
}

export type Batch = readonly CollectedEvent[];

/** The fate of one event of a batch. */
export type Fate =
  | { readonly kind: "delivered" }
  /** Not taken, but may be later: throttled, or the service failed. */
  | { readonly kind: "retryable"; readonly reason: string }
  /** Refused for good; goes to the dead letters with the reason. */
  | { readonly kind: "rejected"; readonly reason: string };

/** The fate of each event of one write. Reasons are short and made by us or quoted from the destination. */
export type Receipt =
  | { readonly kind: "delivered" }
  /** One fate per event, in the order of the batch. */
  | { readonly kind: "partial"; readonly fates: readonly Fate[] }
  /** None was taken (or nobody knows); all may be sent again. */
  | { readonly kind: "retryable"; readonly reason: string; readonly retryAfterMs?: number }
  /** Refused whole and for good, without saying which event is to blame: the pipeline bisects. */
  | { readonly kind: "refused"; readonly reason: string };

/**
 * Where batches end up.
 *
 * A sink does not retry, buffer or batch: the pipeline owns all three, so that
 * every sink behaves the same under failure. A sink encodes, makes one request,
 * and reads the reply.
 */
export interface Sink {
  readonly name: string;
  /** The `type:` of the configuration. */
  readonly type: string;
  readonly limits: BatchLimits;
  /** What an event counts towards `maxBytes` and `maxEventBytes`: its bytes plus what the format adds. */
  eventBytes(event: CollectedEvent): number;
  /** Sends one batch and tells the fate of its events. Throws only on a bug. Aborting `signal` ends it as retryable. */
  write(batch: Batch, signal: AbortSignal): Promise<Receipt>;
  /**
   * Looks at the destination without sending anything: does it exist, may we write,
   * do its limits match ours. Resolves with the problems in words, each saying what to do; none
   * when all is well. Never throws.
   */
  check(signal: AbortSignal): Promise<readonly string[]>;
  /** Finishes what is on the way and lets go of files and connections. Safe to call twice. */
  close(): Promise<void>;
}
