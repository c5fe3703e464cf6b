import assert from "node:assert/strict";
import { MillraceError } from "../core/errors.ts";
import type { CollectedEvent, EventDraft, Position } from "../core/event.ts";
import type { AppendLevel, Journal, JournalReader } from "../core/journal.ts";
import { AppendGroup } from "./append-group.ts";
import { Arena } from "./arena.ts";
import { eventBytes, writeEventBytes } from "./frame.ts";
import { EVENT_OVERHEAD_BYTES, MemoryTail } from "./memory-tail.ts";

/**
 * A journal in memory, bounded in bytes: for durability `memory`, and for tests, which
 * inspect what was appended through a reader.
 *
 * @param options.first the position of the first event; 0 unless positions were used before
 * @param options.onClosed told the next position when it is closed
 */
export function createMemoryJournal(options: {
  slot: string;
  maxBytes: number;
  first?: Position;
  onClosed?: (next: Position) => Promise<void>;
}): Journal {
  return new MemoryJournal(options);
}

class MemoryJournal implements Journal {
  readonly durability = "memory";
  readonly slot: string;
  readonly maxBytes: number;
  readonly failure = undefined;
  readonly #tail: MemoryTail;
  readonly #arena = new Arena();
  readonly #listeners: ((events: readonly CollectedEvent[]) => void)[] = [];
  #group = new AppendGroup();
  readonly #onClosed: ((next: Position) => Promise<void>) | undefined;
  #closed: Promise<void> | undefined;

  constructor({ slot, maxBytes, first = 0, onClosed }: Parameters<typeof createMemoryJournal>[0]) {
    this.slot = slot;
    this.maxBytes = maxBytes;
    this.#tail = new MemoryTail(first);
    this.#onClosed = onClosed;
  }

  get first(): Position {
    return this.#tail.first;
  }

  get end(): Position {
    return this.#tail.end;
  }

  get nextPosition(): Position {
    return this.#tail.end + this.#group.events.length;
  }

  get heldBytes(): number {
    return this.#tail.bytes;
  }

  bytesFrom(position: Position): number {
    return this.#tail.bytesFrom(position);
  }

  isFull(bytes: number): boolean {
    return this.#tail.bytes + this.#group.bytes + bytes > this.maxBytes;
  }

  append(drafts: readonly EventDraft[], level: AppendLevel): Promise<Position> {
    assert(drafts.length > 0, "an append has at least one event");
    if (this.#closed !== undefined)
      return Promise.reject(new MillraceError("journal_write_failed", "the journal is closed"));
    if (level === "synced") {
      return Promise.reject(new MillraceError("ack_unavailable", "a journal in memory cannot sync to disk"));
    }
    let bytes = 0;
    for (const draft of drafts) bytes += eventBytes(draft) + EVENT_OVERHEAD_BYTES;
    if (this.isFull(bytes)) {
      return Promise.reject(
        new MillraceError("journal_full", `the journal holds ${this.heldBytes} of ${this.maxBytes} bytes`),
      );
    }
    const group = this.#group;
    const first = this.nextPosition;
    if (group.events.length === 0) setImmediate(() => this.#commit());
    for (const draft of drafts) group.events.push(this.#encode(draft, this.nextPosition));
    group.bytes += bytes;
    return group.wait(first, false);
  }

  #encode(draft: EventDraft, position: Position): CollectedEvent {
    const { id, type, source, receivedMs } = draft;
    const buffer = this.#arena.reserve(eventBytes(draft));
    const start = this.#arena.offset;
    const end = writeEventBytes(buffer, start, draft);
    this.#arena.use(end - start);
    return { position, id, type, source, receivedMs, bytes: buffer.subarray(start, end) };
  }

  #commit(): void {
    const group = this.#group;
    if (group.events.length === 0) return;
    this.#group = new AppendGroup();
    this.#arena.take();
    this.#tail.push(group.events);
    for (const listener of this.#listeners) listener(group.events);
    group.resolveWritten();
  }

  onAppend(listener: (events: readonly CollectedEvent[]) => void): void {
    this.#listeners.push(listener);
  }

  reader(from: Position): JournalReader {
    return new MemoryReader(this.#tail, from);
  }

  forget(): void {
    // What is in memory only is the journal itself.
  }

  release(position: Position): void {
    this.#tail.forgetBelow(position);
  }

  async close(): Promise<void> {
    this.#commit();
    this.#closed ??= this.#onClosed?.(this.end) ?? Promise.resolve();
    await this.#closed;
  }
}

class MemoryReader implements JournalReader {
  readonly #tail: MemoryTail;
  #position: Position;

  constructor(tail: MemoryTail, from: Position) {
    this.#tail = tail;
    this.#position = from;
  }

  get position(): Position {
    return this.#position;
  }

  read(maxEvents: number, maxBytes: number): readonly CollectedEvent[] {
    if (this.#position >= this.#tail.end) return [];
    const events = this.#tail.slice(Math.max(this.#position, this.#tail.first), maxEvents, maxBytes);
    // Nothing there: the positions up to the end were used before, or are let go.
    this.#position = (events.at(-1)?.position ?? this.#tail.end - 1) + 1;
    return events;
  }

  close(): void {
    // Nothing is open: reading from memory needs no file.
  }
}
