import { ClientBook } from "./client-book.ts";
import {
  type ClientCounts,
  type ClientEvent,
  type ClientOptions,
  type ClientSettings,
  clientSettings,
  type TrackArguments,
} from "./client-options.ts";
import { Delivery } from "./delivery.ts";
import { eventJson } from "./event-json.ts";
import { EventQueue, type QueuedEvent } from "./event-queue.ts";
import { Interruptible, unrefTimeout } from "./interruptible.ts";
import { LossReport } from "./loss-report.ts";
import { monotonicMs } from "./monotonic-clock.ts";
import { uuidV7 } from "./uuid-v7.ts";

/** How long `close` waits unless told otherwise: within the grace that most platforms give a process. */
const CLOSE_DEADLINE_MS = 10_000;

/** The longest that a timer can wait, 24 days; no event is kept for longer. */
const NO_DEADLINE_MS = 2 ** 31 - 1;

/** Sends events to a collector. `Events` maps each type to its data, as `millrace schema types` writes it. */
export interface Client<Events extends object> extends AsyncDisposable {
  /**
   * Queues an event and returns its id at once. Throws only a `QueueFullError`, and only with `onFull: "reject"`;
   * everything else is counted, and told by `onError` and `onRejected`.
   */
  track<Type extends keyof Events & string>(type: Type, ...event: TrackArguments<Events[Type]>): string;
  /**
   * Sends what waits. Resolves once everything that was tracked before the call is acknowledged, rejected or
   * dropped, or at the deadline, with the counts of the client's life.
   */
  flush(options?: { readonly deadlineMs?: number }): Promise<ClientCounts>;
  /**
   * Takes no more events and flushes. Resolves at the deadline at the latest, 10 s unless told otherwise, with
   * what was not acknowledged by then. The first call counts; later ones get its report.
   */
  close(options?: { readonly deadlineMs?: number }): Promise<CloseReport>;
  counts(): ClientCounts;
}

export interface CloseReport {
  readonly counts: ClientCounts;
  /** Not acknowledged; some may have been taken all the same. To be kept, and tracked again with the same ids. */
  readonly undelivered: readonly ClientEvent[];
}

/** There is no room for an event, and `onFull` is `reject`. Wait for `flush`, and track it again. */
export class QueueFullError extends Error {
  override readonly name = "QueueFullError";
}

/** Throws `TypeError` for options that make no sense. Sends nothing until something is tracked. */
export function createClient<Events extends object = Record<string, unknown>>(options: ClientOptions): Client<Events> {
  return new QueueingClient<Events>(clientSettings(options));
}

class QueueingClient<Events extends object> implements Client<Events> {
  readonly #settings: ClientSettings;
  readonly #queue: EventQueue;
  readonly #book: ClientBook;
  readonly #waits = new Interruptible();
  readonly #delivery: Delivery;
  readonly #underWay = new Set<readonly QueuedEvent[]>();
  readonly #flushes = new Set<{ readonly through: number; readonly resolve: () => void }>();
  #sequence = 0;
  /** Events up to this do not wait for more. */
  #flushThrough = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closing: Promise<CloseReport> | undefined;

  constructor(settings: ClientSettings) {
    const losses = new LossReport();
    this.#settings = settings;
    this.#queue = new EventQueue(settings);
    this.#book = new ClientBook(settings, losses);
    this.#delivery = new Delivery(settings, this.#waits, losses, this.#book);
  }

  track<Type extends keyof Events & string>(type: Type, ...event: TrackArguments<Events[Type]>): string {
    const [data, options = {}] = event;
    const id = options.id ?? uuidV7();
    const oneIn = keptOneIn(this.#settings, type);
    if (oneIn > 1 && Math.random() * oneIn >= 1) {
      this.#book.sampledOut();
      return id;
    }
    if (this.#closing !== undefined) {
      this.#book.turnedAway("closed", "An event was tracked after close.");
      return id;
    }
    const json = eventJson(id, type, data, options, oneIn);
    if (json === undefined) {
      this.#book.turnedAway("not_json", `An event of type ${type} cannot be written as JSON.`);
      return id;
    }
    const bytes = encoder.encode(json).byteLength + 1;
    if (!this.#book.hasRoom(bytes)) {
      const message = `The queue of ${this.#settings.maxQueueBytes} bytes has no room for an event of ${bytes}.`;
      if (this.#settings.onFull === "reject") throw new QueueFullError(message);
      this.#book.turnedAway("queue_full", message);
      return id;
    }
    this.#book.queued(bytes);
    this.#queue.add({ id, json, bytes, trackedAtMs: monotonicMs(), sequence: ++this.#sequence });
    this.#send();
    return id;
  }

  async flush({ deadlineMs = NO_DEADLINE_MS }: { readonly deadlineMs?: number } = {}): Promise<ClientCounts> {
    await this.#settled(deadlineMs);
    return this.counts();
  }

  close({ deadlineMs = CLOSE_DEADLINE_MS }: { readonly deadlineMs?: number } = {}): Promise<CloseReport> {
    this.#closing ??= this.#close(deadlineMs);
    return this.#closing;
  }

  async #close(deadlineMs: number): Promise<CloseReport> {
    await this.#settled(deadlineMs);
    this.#waits.endAll();
    await this.#settled(NO_DEADLINE_MS);
    clearTimeout(this.#timer);
    return { counts: this.counts(), undelivered: this.#book.undelivered };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  counts(): ClientCounts {
    return this.#book.counts;
  }

  /** Sends what is due, as far as requests are free, and sees to it that the rest is sent in time. */
  #send(): void {
    while (this.#underWay.size < this.#settings.concurrency) {
      const dueInMs = this.#dueInMs();
      if (dueInMs === undefined) return;
      if (dueInMs > 0) {
        this.#timer ??= unrefTimeout(() => {
          this.#timer = undefined;
          this.#send();
        }, dueInMs);
        return;
      }
      void this.#deliver(this.#queue.takeBatch());
    }
  }

  #dueInMs(): number | undefined {
    const { oldest } = this.#queue;
    if (oldest !== undefined && oldest.sequence <= this.#flushThrough) return 0;
    return this.#queue.dueInMs(monotonicMs());
  }

  async #deliver(batch: readonly QueuedEvent[]): Promise<void> {
    this.#underWay.add(batch);
    await this.#delivery.deliver(batch);
    this.#underWay.delete(batch);
    const oldest = this.#oldestPending();
    for (const flush of this.#flushes) if (flush.through < oldest) flush.resolve();
    this.#send();
  }

  #oldestPending(): number {
    let oldest = this.#queue.oldest?.sequence ?? Number.POSITIVE_INFINITY;
    for (const [first] of this.#underWay) oldest = Math.min(oldest, first?.sequence ?? oldest);
    return oldest;
  }

  /** Resolves once all that was tracked until now is settled, or at the deadline. */
  async #settled(deadlineMs: number): Promise<void> {
    const through = this.#sequence;
    this.#flushThrough = through;
    this.#send();
    if (this.#oldestPending() > through) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    const flush = { through, resolve };
    this.#flushes.add(flush);
    // The other timers would let the process end before what is waited for is done.
    const timer = setTimeout(resolve, Math.min(deadlineMs, NO_DEADLINE_MS));
    await promise;
    clearTimeout(timer);
    this.#flushes.delete(flush);
  }
}

const encoder = new TextEncoder();

function keptOneIn({ keepOneIn }: ClientSettings, type: string): number {
  if (typeof keepOneIn === "number") return keepOneIn;
  return Object.hasOwn(keepOneIn, type) ? (keepOneIn[type] ?? 1) : 1;
}
