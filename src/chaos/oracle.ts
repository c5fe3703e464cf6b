import { type ChaosEvent, idOf, type Sighting } from "./chaos-event.ts";
import { JournalPlaces } from "./journal-places.ts";
import { SinkRecord } from "./sink-record.ts";

/** The promises of an answer, from the least to the most. */
export const LEVELS = ["received", "accepted", "durable", "delivered"] as const;

export type Level = (typeof LEVELS)[number];

/** A value for each level. */
export function perLevel<T>(make: (level: Level) => T): Record<Level, T> {
  return {
    received: make("received"),
    accepted: make("accepted"),
    durable: make("durable"),
    delivered: make("delivered"),
  };
}

/** What the oracle knows of one event. */
export interface SentEvent {
  readonly digest: number;
  /** Requests that carried it. */
  attempts: number;
  /** The most that any answer promised; `undefined` while none did. */
  level: Level | undefined;
  /** When the request began whose answer was the first to promise this level. */
  sentMs: number;
  /** When that answer had been read. */
  ackedMs: number;
}

/** Something that must never happen, as often as it happened. */
export interface Violation {
  events: number;
  /** The first few, in words. */
  readonly examples: string[];
}

export const VIOLATIONS = {
  lost: "acknowledged events are missing from a sink",
  changed: "stored events are not the bytes that were sent",
  foreign: "something was stored that nobody sent",
  invalid_stored: "invalid events were stored",
  misattributed: "stored events do not have the attributes that a collector adds",
  place_reused: "a position of the journal was given to two events",
  sinks_differ: "a position of the journal came to one sink and not to another",
  stored_too_often: "events were journalled more often than they were sent",
  delivered_too_early: "events were acknowledged as delivered before each stream had them",
  durable_without_sync: "events were acknowledged as durable while no sync could succeed",
  valid_refused: "valid events were refused for good",
  invalid_accepted: "invalid events were answered as if they were valid",
  nothing_acknowledged: "requests were not acknowledged though no fault was going on",
  not_delivered: "events are not delivered although all faults have ended",
  ledger_disagrees: "the ledger does not agree with what was stored",
  misbehaved: "a process did not start or end as it should",
} as const;

export type ViolationKind = keyof typeof VIOLATIONS;

const MAX_EXAMPLES = 5;

/**
 * Keeps its own record of what was sent, what was promised and what was stored, independent of
 * the collector, and notes at once what must never happen. What is lost shows at the end only.
 *
 * Times are milliseconds of the machine's monotonic clock, which all its processes share.
 */
export class Oracle {
  readonly #events: SentEvent[] = [];
  readonly #invalid = new Set<number>();
  readonly #owed = new Set<number>();
  readonly violations = new Map<ViolationKind, Violation>();
  /** The stream that faults happen to. */
  readonly stream = new SinkRecord("stream");
  /** A stream that nothing happens to but that it is slow. */
  readonly second = new SinkRecord("second");
  readonly files = new SinkRecord("files");
  /** All of them are required: each must get every event. */
  readonly sinks: readonly SinkRecord[] = [this.stream, this.second, this.files];
  readonly places = new JournalPlaces();
  #noSyncSinceMs: number | undefined;

  /** Valid events that were made to be sent. */
  get sent(): number {
    return this.#events.length - this.#invalid.size;
  }

  /** Events acknowledged as at least `accepted` that the stream does not have. */
  get owed(): ReadonlySet<number> {
    return this.#owed;
  }

  /** The number of the next event to make. */
  get nextSeq(): number {
    return this.#events.length;
  }

  /** Notes an event before it is sent for the first time. They come by number. */
  made({ digest }: Pick<ChaosEvent, "digest">): void {
    this.#events.push({ digest, attempts: 0, level: undefined, sentMs: 0, ackedMs: 0 });
  }

  /** Notes an event that must not be stored. */
  madeInvalid(): void {
    this.#invalid.add(this.#events.length);
    this.#events.push({ digest: 0, attempts: 0, level: undefined, sentMs: 0, ackedMs: 0 });
  }

  /** Notes that a request with these events is on its way. */
  attempted(seqs: readonly number[]): void {
    for (const seq of seqs) this.#event(seq).attempts++;
  }

  /**
   * Notes a promise: an answer to a request that began at `sentMs` was read to its end at `ackedMs`.
   * Of several for one event the strongest counts.
   */
  acknowledged(seq: number, level: Level, sentMs: number, ackedMs: number): void {
    const event = this.#event(seq);
    if (event.level === undefined || LEVELS.indexOf(level) > LEVELS.indexOf(event.level)) {
      event.level = level;
      event.sentMs = sentMs;
      event.ackedMs = ackedMs;
    }
    if (level !== "received" && !this.stream.has(seq)) this.#owed.add(seq);
    if (level === "durable" && this.#noSyncSinceMs !== undefined && sentMs >= this.#noSyncSinceMs)
      this.violation("durable_without_sync", idOf(seq));
  }

  /** From now on no sync can succeed, until `syncWorks`. */
  syncFails(nowMs: number): void {
    this.#noSyncSinceMs = nowMs;
  }

  syncWorks(): void {
    this.#noSyncSinceMs = undefined;
  }

  /** Notes what a sink stored, and returns the event's number unless it should not be there. */
  stored(sink: SinkRecord, sighting: Sighting, atMs: number, told: boolean): number | undefined {
    const { seq, digest, slot, position, excerpt } = sighting;
    const event = seq === undefined ? undefined : this.#events[seq];
    if (seq === undefined || event === undefined) {
      this.violation("foreign", excerpt ?? (seq === undefined ? "?" : idOf(seq)));
      return undefined;
    }
    if (this.#invalid.has(seq)) {
      this.violation("invalid_stored", `${idOf(seq)} in ${sink.name}`);
      return undefined;
    }
    if (digest !== event.digest) {
      // It does not count as stored: whoever was promised it has not got it.
      this.violation("changed", `${idOf(seq)} in ${sink.name}`);
      return undefined;
    }
    if (!sighting.attributed) this.violation("misattributed", `${idOf(seq)} in ${sink.name}`);
    const owner = this.places.claim(slot, position, seq);
    if (owner !== seq) this.violation("place_reused", `${slot}-${position}: ${idOf(owner)} and ${idOf(seq)}`);
    sink.add({ ...sighting, seq }, atMs, told);
    if (sink === this.stream) this.#owed.delete(seq);
    return seq;
  }

  /** Notes something that must never happen. */
  violation(kind: ViolationKind, example: string, events = 1): void {
    let violation = this.violations.get(kind);
    if (violation === undefined) this.violations.set(kind, (violation = { events: 0, examples: [] }));
    violation.events += events;
    if (violation.examples.length < MAX_EXAMPLES) violation.examples.push(example);
  }

  /** All valid events with their numbers. */
  *events(): Generator<readonly [seq: number, event: SentEvent]> {
    for (const [seq, event] of this.#events.entries()) if (!this.#invalid.has(seq)) yield [seq, event];
  }

  #event(seq: number): SentEvent {
    const event = this.#events[seq];
    if (event === undefined) throw new Error(`event ${seq} was never made`);
    return event;
  }
}
