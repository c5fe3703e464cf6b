import { createHash } from "node:crypto";
import type { Batch } from "../../core/sink.ts";

/**
 * A name for the batch that follows from the events in it, so that a receiver can tell one that is
 * sent again. Events that were read from different places of the journal differ in their bytes.
 */
export function batchId(events: Batch): string {
  const hash = createHash("sha256");
  for (const event of events) hash.update(event.bytes).update("\n");
  return `msg_${hash.digest("base64url").slice(0, 32)}`;
}
