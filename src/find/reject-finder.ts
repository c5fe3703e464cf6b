import { type RejectLogKind, rejectLogUnits } from "../replay/reject-entries.ts";
import type { TimeRange } from "../replay/time-range.ts";
import { holds } from "../replay/time-range.ts";
import { hasId } from "./file-finder.ts";
import type { Finder } from "./finder.ts";

/** Looks through the dead letters or the quarantine, newest first. */
export function rejectFinder(dir: string, kind: RejectLogKind, range: TimeRange): Finder {
  return {
    name: kind,
    async *find(id, onProgress) {
      const units = (await rejectLogUnits(dir, kind)).toReversed();
      const bytes = units.reduce((sum, unit) => sum + unit.bytes, 0);
      let bytesRead = 0;
      for (const unit of units) {
        const onBytes = (read: number): void => {
          bytesRead += read;
          onProgress({ name: unit.name, bytesRead, bytes });
        };
        for await (const items of unit.read(onBytes)) {
          for (const { index, event, rejection } of items) {
            if (event?.id !== id || !holds(range, event.receivedMs) || !hasId(event.bytes, id)) continue;
            yield {
              in: kind,
              sink: rejection?.sink,
              at: `${unit.name}, byte ${index}`,
              received: new Date(event.receivedMs).toISOString(),
              code: rejection?.code,
              event: event.bytes.toString(),
            };
          }
        }
      }
    },
  };
}
