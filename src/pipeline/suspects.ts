import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { CollectedEvent } from "../core/event.ts";
import type { Sink } from "../core/sink.ts";
import { ThrottledLog } from "../core/throttled-log.ts";

export interface Suspect {
  readonly event: CollectedEvent;
  /** How many writes had been sent when the sink first threw over it, or over the batch it was in. */
  readonly thrownAfter: number;
}

interface DueSuspect extends Suspect {
  readonly dueMs: number;
}

/**
 * Events that make a sink throw an exception, though sent alone. That is a bug in the sink,
 * and the question is whether it concerns this event or all of them.
 *
 *     thrown over ──▶ waiting ──the sink takes another write, sent later──▶ on trial ──thrown over again──▶ dead letter
 *                       │ ▲                                                    │
 *                       ▼ │ thrown over                                        ▼
 *                 tried when there is nothing else to send ─────────────▶ delivered
 *
 * So a sink that throws over everything loses nothing: all is held until somebody mends it.
 * And an event that the sink cannot handle holds up the others for two more writes only.
 */
export class Suspects {
  readonly #sink: Sink;
  readonly #clock: Clock;
  readonly #bugs: ThrottledLog;
  #lastError: unknown;
  #waiting: DueSuspect[] = [];
  #onTrial: DueSuspect[] = [];
  #writes = 0;
  /** The number of the newest write that the sink took. */
  #taken = -1;

  constructor(sink: Sink, clock: Clock, log: Logger) {
    this.#sink = sink;
    this.#clock = clock;
    this.#bugs = new ThrottledLog((events) =>
      log.error({ err: this.#lastError, events }, "bug in the sink: it threw over the size of an event"),
    );
  }

  /** Infinite when none waits. */
  get nextDueMs(): number {
    return Math.min(
      this.#onTrial[0]?.dueMs ?? Number.POSITIVE_INFINITY,
      this.#waiting[0]?.dueMs ?? Number.POSITIVE_INFINITY,
    );
  }

  /** How many writes have been sent. */
  get writes(): number {
    return this.#writes;
  }

  /** A write is sent; returns its number. */
  sending(): number {
    return this.#writes++;
  }

  /** `Sink.eventBytes`; `undefined` when the sink throws over that already, which makes the event a suspect. */
  bytesOf(event: CollectedEvent): number | undefined {
    try {
      return this.#sink.eventBytes(event);
    } catch (error) {
      const nowMs = this.#clock.monotonicMs();
      this.#lastError = error;
      this.#bugs.add(1, nowMs);
      this.add(event, this.#writes, nowMs);
      return undefined;
    }
  }

  /** @param thrownAfter as in `Suspect` */
  add(event: CollectedEvent, thrownAfter: number, dueMs: number): void {
    (this.#taken >= thrownAfter ? this.#onTrial : this.#waiting).push({ event, thrownAfter, dueMs });
  }

  /** The sink took, or judged, at least one event of a write. */
  taken(write: number): void {
    if (write <= this.#taken) return;
    this.#taken = write;
    if (this.#waiting.length === 0) return;
    const waiting: DueSuspect[] = [];
    for (const suspect of this.#waiting) (write >= suspect.thrownAfter ? this.#onTrial : waiting).push(suspect);
    this.#waiting = waiting;
  }

  nextOnTrial(nowMs: number): Suspect | undefined {
    return takeDue(this.#onTrial, nowMs);
  }

  /** For when there is nothing else to send. */
  nextWaiting(nowMs: number): Suspect | undefined {
    return takeDue(this.#waiting, nowMs);
  }

  /** Makes everything due. */
  hasten(): void {
    this.#onTrial = this.#onTrial.map(dueNow);
    this.#waiting = this.#waiting.map(dueNow);
  }
}

/** Takes the first if it is due. The others came later, and most of them are due later. */
function takeDue(suspects: DueSuspect[], nowMs: number): Suspect | undefined {
  const first = suspects[0];
  return first !== undefined && first.dueMs <= nowMs ? suspects.shift() : undefined;
}

function dueNow(suspect: DueSuspect): DueSuspect {
  return { ...suspect, dueMs: Number.NEGATIVE_INFINITY };
}
