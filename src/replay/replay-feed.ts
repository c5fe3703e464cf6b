import type { CollectedEvent, Position } from "../core/event.ts";
import type { Journal, JournalReader } from "../core/journal.ts";
import type { StoredEvent } from "./event-store.ts";

/** Bytes that wait to be read by the pipeline; what it has read it bounds itself. */
const MAX_WAITING_BYTES = 8 * 1024 * 1024;

const NO_EVENTS: readonly CollectedEvent[] = [];

/**
 * What is being replayed, as the journal of one pipeline: it gets positions of its own, one after the
 * other, and is forgotten once it is read. Read-only: nothing can be appended but by `add`.
 */
export class ReplayFeed implements Journal {
  readonly durability = "memory";
  readonly slot: string;
  readonly first: Position;
  readonly maxBytes = MAX_WAITING_BYTES;
  readonly failure = undefined;
  #waiting: CollectedEvent[] = [];
  #next = 0;
  #heldBytes = 0;
  #end: Position;
  #room: PromiseWithResolvers<void> | undefined;

  constructor(slot: string, first: Position) {
    this.slot = slot;
    this.first = first;
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

  get nextPosition(): Position {
    return this.#end;
  }

  get heldBytes(): number {
    return this.#heldBytes;
  }

  bytesFrom(): number {
    return this.#heldBytes;
  }

  isFull(): boolean {
    return this.#heldBytes >= MAX_WAITING_BYTES;
  }

  append(): Promise<Position> {
    return Promise.reject(new Error("nothing is appended to what is replayed"));
  }

  onAppend(): void {
    // The one who adds wakes the pipeline.
  }

  forget(): void {
    // What was read is forgotten already.
  }

  release(): void {
    // Nothing of it is on disk.
  }

  async close(): Promise<void> {
    // Nothing is open.
  }
}
