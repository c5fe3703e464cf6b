import { isDeepStrictEqual } from "node:util";
import type { MillraceConfig } from "./config.ts";

/** Parts of the configuration that take effect at a start only. */
const FIXED_PARTS = [
  "node",
  "listen",
  "http",
  "admin",
  "workers",
  "supervisor",
  "journal",
  "quarantine",
  "deadLetters",
  "log",
] as const;

/** Names of the fixed parts in which a new configuration differs from the one of the start. */
export function changedFixedParts(started: MillraceConfig, next: MillraceConfig): string[] {
  return FIXED_PARTS.filter((part) => !isDeepStrictEqual(started[part], next[part]));
}

/** A new configuration with the fixed parts of the start: what is in force, for a worker that is replaced as well. */
export function withFixedParts(started: MillraceConfig, next: MillraceConfig): MillraceConfig {
  const fixed = Object.fromEntries(FIXED_PARTS.map((part) => [part, started[part]]));
  return { ...next, ...fixed };
}
