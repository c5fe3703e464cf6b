import type { Fate } from "./sink.ts";

/**
 * The reason for which all events may be sent again, when it is one and the same. A destination with one
 * place for all events that says so of each of them is down, as far as one batch can tell; its receipt
 * should say `retryable`, so that older events are tried before newer ones.
 */
export function oneReason(fates: readonly Fate[]): string | undefined {
  const [first] = fates;
  if (first?.kind !== "retryable") return undefined;
  const { reason } = first;
  return fates.every((fate) => fate.kind === "retryable" && fate.reason === reason) ? reason : undefined;
}
