import type { MillraceConfig } from "./config.ts";

type SourceConfig = MillraceConfig["sources"][number];

/**
 * The sources as one of `workers` workers sees them: each enforces its part of a source's
 * quota, since connections are spread evenly over the workers. What a source allows one
 * client is not divided: a client with one connection has one worker.
 */
export function shareOfQuotas(sources: readonly SourceConfig[], workers: number): SourceConfig[] {
  return sources.map((source) => {
    if (source.quota === undefined || workers === 1) return source;
    const { eventsPerSecond, burst } = source.quota;
    // Less than one event at once would be none ever. A rate may be as low as it likes.
    const share = { eventsPerSecond: eventsPerSecond / workers, burst: Math.max(1, burst / workers) };
    return { ...source, quota: { ...source.quota, ...share } };
  });
}
