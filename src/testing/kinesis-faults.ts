/**
 * A way for a whole PutRecords call to go wrong.
 *
 * `throttled`, `internal-failure`, `unavailable`, `access-denied`: an error as Kinesis
 * writes it, nothing stored. `bad-gateway`: a 502 with HTML, nothing stored.
 * `reset-before-commit`, `hang`: the connection breaks, or no answer ever comes, and
 * nothing is stored. `reset-after-commit`, `hang-after-commit`, `empty-reply`,
 * `truncated-reply`: all is stored, and the caller cannot know.
 */
export type CallFailure =
  | "throttled"
  | "internal-failure"
  | "unavailable"
  | "access-denied"
  | "bad-gateway"
  | "reset-before-commit"
  | "reset-after-commit"
  | "hang-after-commit"
  | "empty-reply"
  | "truncated-reply"
  | "hang";

export type RecordFailure = "ProvisionedThroughputExceededException" | "InternalFailure";

/** What goes wrong, from now on. Everything left out works. */
export interface KinesisFaults {
  /** Refuses records one by one: each with the probability `ratio` (0 to 1), with one of `codes` (default: both). */
  readonly records?: { readonly ratio: number; readonly codes?: readonly RecordFailure[] };
  /**
   * Tells of records, each with the probability `ratio` (0 to 1), that they are stored, and does not
   * store them. Kinesis does no such thing: this is for proving that a test would notice a loss.
   */
  readonly lies?: { readonly ratio: number };
  /** Fails PutRecords calls: each with the probability `ratio` (0 to 1), in one of `kinds`. */
  readonly calls?: { readonly ratio: number; readonly kinds: readonly CallFailure[] };
  /** Each shard takes so much a second and refuses the rest; `REAL_SHARD_LIMITS` are those of AWS. */
  readonly shardLimits?: ShardLimits;
  /** Every call takes a time between these, in milliseconds. */
  readonly latencyMs?: { readonly min: number; readonly max: number };
  /** Calls signed with these access key ids are answered ExpiredTokenException. */
  readonly expiredAccessKeys?: readonly string[];
}

export interface ShardLimits {
  readonly bytesPerSecond: number;
  readonly recordsPerSecond: number;
}

/** What a shard takes in (https://docs.aws.amazon.com/streams/latest/dev/service-sizes-and-limits.html). */
export const REAL_SHARD_LIMITS: ShardLimits = { bytesPerSecond: 1024 * 1024, recordsPerSecond: 1_000 };

/** True for the share `ratio` of draws. */
export function strikes(random: () => number, ratio: number): boolean {
  return ratio > 0 && random() < ratio;
}

/** One of the choices, all equally likely. */
export function pick<T>(random: () => number, choices: readonly T[]): T | undefined {
  return choices[Math.floor(random() * choices.length)];
}
