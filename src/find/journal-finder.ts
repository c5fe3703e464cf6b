import { journalHistory } from "../replay/journal-history.ts";
import { holds, type TimeRange } from "../replay/time-range.ts";
import type { Finder } from "./finder.ts";

/** Looks through what the journal still holds, newest segments first. */
export function journalFinder(config: { readonly dir: string }, range: TimeRange): Finder {
  return {
    name: "journal",
    async *find(id, onProgress) {
      const units = (await journalHistory(config, {})).toReversed();
      const bytes = units.reduce((sum, unit) => sum + unit.bytes, 0);
      let bytesRead = 0;
      for (const unit of units) {
        const onBytes = (read: number): void => {
          bytesRead += read;
          onProgress({ name: unit.name, bytesRead, bytes });
        };
        for await (const items of unit.read(onBytes)) {
          for (const { index, event } of items) {
            if (event?.id !== id || !holds(range, event.receivedMs)) continue;
            yield {
              in: "journal",
              at: `${unit.name}, position ${index}`,
              received: new Date(event.receivedMs).toISOString(),
              event: event.bytes.toString(),
            };
          }
        }
      }
    },
  };
}
