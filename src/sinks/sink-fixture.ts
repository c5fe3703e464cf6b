import type { CollectedEvent } from "../core/event.ts";

/** Events for tests of how replies are read, where only their number matters. */
export function collectedEvents(count: number): CollectedEvent[] {
  return Array.from({ length: count }, (_, position) => ({
    position,
    id: `id-${position}`,
    type: "a.type",
    source: "web",
    receivedMs: 0,
    bytes: Buffer.from(`{"n":${position}}`),
  }));
}
