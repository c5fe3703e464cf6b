import type { Batch } from "../../core/sink.ts";
import type { Hour } from "../../formats/hour-folders.ts";

/** How the events of an hour get into files of one format. Not for concurrent use: its caller makes one call at a time. */
export interface HourFiles {
  /** Writes events of one hour, in order. After a rejection none of them counts as written. */
  write(hour: Hour, events: Batch, signal: AbortSignal): Promise<void>;
  /** Finishes every file that is open. Rejects only on a bug. */
  finishAll(): Promise<void>;
}
