import type { CollectedEvent, Position } from "../core/event.ts";
import type { EventLog, JournalReader } from "../core/journal.ts";
import type { StoredEvent } from "./event-store.ts";

/** Bytes that wait to be read by the pipeline; what it has read it bounds itself. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

const NO_EVENTS: readonly CollectedEvent[] = [];

/**
 * What is being replayed, as the journal of one pipeline: it gets positions of its own, one after the
 * other, and is forgotten once it is read.
 */
export class ReplayFeed implements EventLog {
  #waiting: CollectedEvent[] = [];
  #next = 0;
  #heldBytes = 0;
  #end: Position;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(first: Position) {
    this.#end = first;
  }

  add(event: StoredEvent): Position {
    const position = this.#end++;
    const { id, type, source, receivedMs, bytes } = event;
    this.#waiting.push({ position, id, type, source, receivedMs, bytes });
    this.#heldBytes += bytes.length;
    return position;
  }

  /** Resolves once the pipeline has read enough. */
  async room(): Promise<void> {
    if (!this.isFull()) return;
    this.#room ??= Promise.withResolvers();
    await this.#room.promise;
  }

  /** Nobody waits for room any more. */
  stop(): void {
    this.#room?.resolve();
  }

  reader(from: Position): JournalReader {
    let next = from;
    let closed = false;
    return {
      get position() {
        return next;
      },
      read: (maxEvents, maxBytes) => {
        if (closed) return NO_EVENTS;
        const events = this.#take(maxEvents, maxBytes);
        next += events.length;
        return events;
      },
      close: () => {
        closed = true;
      },
    };
  }

  #take(maxEvents: number, maxBytes: number): readonly CollectedEvent[] {
    const start = this.#next;
    let bytes = 0;
    while (this.#next < this.#waiting.length && this.#next - start < maxEvents) {
      const size = this.#waiting[this.#next]?.bytes.length ?? 0;
      if (this.#next > start && bytes + size > maxBytes) break;
      bytes += size;
      this.#next++;
    }
    const taken = this.#waiting.slice(start, this.#next);
    this.#heldBytes -= bytes;
    if (this.#next === this.#waiting.length || this.#next > 10_000) {
      this.#waiting = this.#waiting.slice(this.#next);
      this.#next = 0;
    }
    if (this.#room !== undefined && !this.isFull()) {
      this.#room.resolve();
      this.#room = undefined;
    }
    return taken;
  }

  get end(): Position {
    return this.#end;
  }

  /** Bytes that the pipeline has not read. */
  bytesFrom(): number {
    return this.#heldBytes;
  }

  isFull(): boolean {
    return this.#heldBytes >= MAX_WAITING_BYTES;
  }
}
