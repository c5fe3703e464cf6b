import type { CollectedEvent, Position } from "../../core/event.ts";
import type { Journal, JournalReader } from "../../core/journal.ts";

export interface FakeEvent {
  readonly type?: string;
  readonly source?: string;
  readonly bytes?: Buffer;
  readonly receivedMs?: number;
}

/** A journal in memory that a test writes to, with damage and reads as it asks for. */
export class FakeJournal implements Journal {
  readonly durability = "memory";
  readonly slot = "0";
  readonly first = 0;
  readonly maxBytes = Number.MAX_SAFE_INTEGER;
  readonly heldBytes = 0;
  readonly failure = undefined;
  /** How the next read answers. */
  readMode: () => "at once" | "by promise" | "fails" = () => "at once";
  readonly events: CollectedEvent[] = [];
  /** Events that readers have returned. */
  readonly read: CollectedEvent[] = [];
  readonly #nowMs: () => number;
  #end: Position = 0;

  /** @param nowMs when events are received that do not say otherwise */
  constructor(nowMs: () => number = () => 1_700_000_000_000) {
    this.#nowMs = nowMs;
  }

  get end(): Position {
    return this.#end;
  }

  get nextPosition(): Position {
    return this.#end;
  }

  isFull(): boolean {
    return false;
  }

  /** Writes events; returns them. */
  write(...events: readonly FakeEvent[]): CollectedEvent[] {
    const written = events.map(({ type = "test", source = "web", receivedMs = this.#nowMs(), bytes }) => {
      const position = this.#end++;
      return {
        position,
        id: `id-${position}`,
        type,
        source,
        receivedMs,
        bytes: bytes ?? Buffer.from(`{"type":"${type}"}`),
      };
    });
    this.events.push(...written);
    return written;
  }

  /** Positions that hold nothing, as after damage. */
  lose(count: number): void {
    this.#end += count;
  }

  bytesFrom(position: Position): number {
    let bytes = 0;
    for (const event of this.events) if (event.position >= position) bytes += event.bytes.byteLength;
    return bytes;
  }

  append(): Promise<Position> {
    return Promise.reject(new Error("tests write with `write`"));
  }

  onAppend(): void {
    // Tests wake the pipeline themselves.
  }

  forget(): void {
    // Nothing is kept twice.
  }

  release(): void {
    // Nothing is ever let go.
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  reader(from: Position): JournalReader {
    const { events, read } = this;
    const endOfJournal = () => this.#end;
    const readMode = () => this.readMode();
    let index = events.findIndex(({ position }) => position >= from);
    if (index === -1) index = events.length;
    let next = from;
    const take = (maxEvents: number, maxBytes: number): CollectedEvent[] => {
      const taken: CollectedEvent[] = [];
      let bytes = 0;
      for (; index < events.length && taken.length < maxEvents; index++) {
        const event = events[index];
        if (event === undefined || (taken.length > 0 && bytes + event.bytes.byteLength > maxBytes)) break;
        bytes += event.bytes.byteLength;
        taken.push(event);
      }
      const last = taken.at(-1);
      next = index === events.length ? Math.max(next, endOfJournal()) : last === undefined ? next : last.position + 1;
      read.push(...taken);
      return taken;
    };
    return {
      get position() {
        return next;
      },
      read(maxEvents, maxBytes) {
        const mode = readMode();
        if (mode === "at once") return take(maxEvents, maxBytes);
        return new Promise((resolve, reject) => {
          setImmediate(() => {
            if (mode === "fails") reject(new Error("the disk does not answer"));
            else resolve(take(maxEvents, maxBytes));
          });
        });
      },
      close() {
        index = events.length;
      },
    };
  }
}
