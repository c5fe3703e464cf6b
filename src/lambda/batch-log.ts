import type { CollectedEvent, Position } from "../core/event.ts";
import type { EventLog, JournalReader } from "../core/journal.ts";

/** The events of one invocation as the journal that pipelines read from. Their positions are their places in the list. */
export class BatchLog implements EventLog {
  readonly #events: readonly CollectedEvent[];

  constructor(events: readonly CollectedEvent[]) {
    this.#events = events;
  }

  get end(): Position {
    return this.#events.length;
  }

  bytesFrom(position: Position): number {
    let bytes = 0;
    for (let at = position; at < this.#events.length; at++) bytes += this.#events[at]?.bytes.length ?? 0;
    return bytes;
  }

  reader(from: Position): JournalReader {
    const events = this.#events;
    let position = from;
    return {
      get position() {
        return position;
      },
      read(maxEvents, maxBytes) {
        const start = position;
        for (let bytes = 0; position < events.length && position - start < maxEvents; position++) {
          bytes += events[position]?.bytes.length ?? 0;
          if (bytes > maxBytes && position > start) break;
        }
        return events.slice(start, position);
      },
      close() {},
    };
  }
}
