import type { CollectedEvent, Position } from "../../src/core/event.ts";
import type { Journal, JournalReader } from "../../src/core/journal.ts";
import type { Books } from "./books.ts";
import type { KnownEvents } from "./known-events.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** What a pipeline may have read and not settled, when its batches are small; and one read, which may be one event. */
const MAX_HELD_BYTES = 32 * 1024 ** 2;
const ONE_READ_BYTES = 2 * 1024 ** 2;

/**
 * Checks what a reader of the journal gets: what is there, in order, and all of it. And that
 * a pipeline, whose sink is named, does not read on and on while nothing is settled.
 */
export class ObservedReader implements JournalReader {
  readonly #inner: JournalReader;
  readonly #books: Books;
  readonly #events: KnownEvents;
  readonly #world: World;
  readonly #life: Life;
  readonly #sink: string | undefined;
  #next: Position;

  constructor(
    inner: JournalReader,
    books: Books,
    events: KnownEvents,
    world: World,
    life: Life,
    sink: string | undefined,
  ) {
    this.#inner = inner;
    this.#sink = sink;
    this.#books = books;
    this.#events = events;
    this.#world = world;
    this.#life = life;
    this.#next = inner.position;
  }

  get position(): Position {
    return this.#inner.position;
  }

  read(maxEvents: number, maxBytes: number): readonly CollectedEvent[] | Promise<readonly CollectedEvent[]> {
    const events = this.#inner.read(maxEvents, maxBytes);
    if (!(events instanceof Promise)) return this.#check(events, maxEvents, maxBytes);
    return events.then((read) => this.#check(read, maxEvents, maxBytes));
  }

  #check(read: readonly CollectedEvent[], maxEvents: number, maxBytes: number): readonly CollectedEvent[] {
    if (!this.#life.alive) return read;
    let bytes = 0;
    for (const event of read) {
      this.#skip(event.position);
      const placed = this.#books.between(event.position, event.position + 1)[0];
      if (placed === undefined || placed.event !== this.#events.check("a reader", event))
        this.#world.violate("readers", `a reader got ${event.id} at position ${event.position}, where it is not`);
      this.#next = event.position + 1;
      bytes += event.bytes.length;
    }
    this.#skip(this.#inner.position);
    const held = this.#sink === undefined ? 0 : this.#books.heldBytes(this.#sink, this.#next);
    if (held > MAX_HELD_BYTES + ONE_READ_BYTES)
      this.#world.violate("bounds", `${this.#sink} holds ${held} bytes that are not settled`);
    if (read.length > maxEvents || (read.length > 1 && bytes > maxBytes))
      this.#world.violate(
        "bounds",
        `a reader that asked for ${maxEvents} events and ${maxBytes} bytes got ${read.length} and ${bytes}`,
      );
    return read;
  }

  #skip(to: Position): void {
    if (to < this.#next) this.#world.violate("readers", `a reader goes back from position ${this.#next} to ${to}`);
    for (const { position, event } of this.#books.between(this.#next, to)) {
      if (!event.isDamaged) this.#world.violate("readers", `a reader passes over ${event.id} at position ${position}`);
    }
    this.#next = to;
  }

  close(): void {
    this.#inner.close();
  }
}

/** The journal of one life, with readers that are checked; for the pipeline of a sink when that is named. */
export function observed(
  journal: Journal,
  books: Books,
  events: KnownEvents,
  world: World,
  life: Life,
  sink?: string,
): Journal {
  return new Proxy(journal, {
    get(target, property) {
      if (property === "reader")
        return (from: Position) => new ObservedReader(target.reader(from), books, events, world, life, sink);
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}
