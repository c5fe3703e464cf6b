import type { JournalConfig } from "../../src/journal/config.ts";
import type { KnownEvent } from "./known-events.ts";
import type { World } from "./world.ts";

/**
 * What one power cut has taken of what was acknowledged as written lies within
 * `journal.unsynced`: so many bytes, and so much time from the first of it to the last. Also
 * over several lives: each syncs what it finds, or knows that it could not.
 */
export function checkLossBudget(world: World, taken: readonly KnownEvent[], config: JournalConfig): void {
  const acknowledged = taken.filter(({ promised, told }) => promised === "written" && told !== undefined);
  const last = Math.max(...acknowledged.map(({ told }) => told?.life ?? 0));
  // What a life before the last has left may be beyond its reach: a sync that failed is reported once, to those that are gone.
  const first = 1 + Math.max(0, ...[...world.livesWithFailedSyncs].filter((life) => life < last));
  const times: number[] = [];
  let bytes = 0;
  for (const event of acknowledged) {
    if (event.told === undefined || event.told.life < first) continue;
    times.push(event.told.atMs);
    bytes += event.bytes.length;
  }
  if (times.length === 0) return;
  world.count("acknowledged events that a power cut took", times.length);
  const spanMs = Math.max(...times) - Math.min(...times);
  const { maxMs, maxBytes } = config.unsynced;
  if (spanMs > maxMs)
    world.violate(
      "loss budget",
      `a power cut took what was acknowledged within ${spanMs} ms, and may take ${maxMs} ms`,
    );
  if (bytes > maxBytes)
    world.violate("loss budget", `a power cut took ${bytes} acknowledged bytes, and may take ${maxBytes}`);
}
