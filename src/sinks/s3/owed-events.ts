import type { CollectedEvent, Position } from "../../core/event.ts";
import type { Batch } from "../../core/sink.ts";

/**
 * The events that were handed in and are not stored yet, in the order of the journal.
 *
 * Objects are written in that order, with no event left out. So at any time, also when the
 * process is killed, the bucket holds a beginning of the journal, cut into objects; and who
 * begins again at an event that was not confirmed finds the objects that are there one after
 * the other, each by the event behind the last one's end.
 */
export class OwedEvents {
  /** By position, without repeats. */
  #events: CollectedEvent[] = [];

  /** Takes note of a batch, which is in order. */
  add(batch: Batch): void {
    const last = this.#events.at(-1)?.position ?? Number.NEGATIVE_INFINITY;
    const before: CollectedEvent[] = [];
    for (const event of batch) {
      if (event.position > last) this.#events.push(event);
      else before.push(event);
    }
    if (before.length === 0) return;
    const known = new Set(this.#events.map(({ position }) => position));
    const unknown = before.filter(({ position }) => !known.has(position));
    if (unknown.length === 0) return;
    this.#events = [...this.#events, ...unknown].toSorted((a, b) => a.position - b.position);
  }

  /** The events at the head of `batch` that are the oldest owed, with none left out in between. */
  ready(batch: Batch): Batch {
    let count = 0;
    while (count < batch.length && batch[count]?.position === this.#events[count]?.position) count++;
    return batch.slice(0, count);
  }

  /** The oldest `count` are stored. */
  stored(count: number): void {
    this.#events.splice(0, count);
  }

  /** Gives up waiting for what is before `position`: it will not come again. */
  forgetBefore(position: Position): void {
    this.#events = this.#events.filter((event) => event.position >= position);
  }
}
