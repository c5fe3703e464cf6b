import type { CollectedEvent, Position } from "../../src/core/event.ts";
import type { Batch, BatchLimits, Fate, Receipt, Sink } from "../../src/core/sink.ts";
import type { SimulatedClaims } from "./claims.ts";
import type { Dice } from "./dice.ts";
import type { Life } from "./life.ts";
import type { KnownEvent, KnownEvents } from "./known-events.ts";
import type { World } from "./world.ts";

/** What a destination does with a batch, most to least kind. */
export type Answer =
  | "take"
  | "throttle"
  | "take some"
  | "take and never answer"
  | "take and answer too late"
  | "take and throw"
  | "hang"
  | "throw"
  | "fail";

/** How a destination behaves for a while: how likely each answer is, in parts, and how slow it is. */
export interface Temper {
  readonly answers: readonly (readonly [answer: Answer, parts: number])[];
  readonly minMs: number;
  readonly maxMs: number;
}

export const KIND: Temper = { answers: [["take", 1]], minMs: 1, maxMs: 20 };

/** How a destination treats an event of type `poison`: as any other, by refusing it, or by refusing its whole batch. */
export type PoisonRule = "taken" | "rejected" | "refused whole";

/** What became of one event at a destination. */
export interface Taken {
  times: number;
  /** The pipeline which last sent it and was told, in time, that it was taken. */
  confirmedTo: object | undefined;
  /** A refusal, or a failure without end, was reported for it: it may become a dead letter. */
  wasRefused: boolean;
}

/** What is true of one run of one pipeline, as its destination sees it. */
interface Session {
  /** The highest position of those that were sent for the first time. */
  highest: Position;
  readonly sent: Set<Position>;
  /** Writes under way, with the number of their events. */
  readonly inFlight: Map<object, number>;
}

/** How long a pipeline waits for a write that it has aborted; after that it does not listen any more. */
const ABORT_GRACE_MS = 2_000;

/** Where batches end up: outside of the process, so that it lives on when that crashes. It remembers what it took. */
export class Destination {
  readonly name: string;
  readonly poison: PoisonRule;
  temper: Temper = KIND;
  readonly #world: World;
  readonly #events: KnownEvents;
  readonly #claims: SimulatedClaims;
  readonly #dice: Dice;
  readonly #taken = new Map<KnownEvent, Taken>();

  constructor(name: string, poison: PoisonRule, world: World, events: KnownEvents, claims: SimulatedClaims) {
    this.name = name;
    this.poison = poison;
    this.#world = world;
    this.#events = events;
    this.#claims = claims;
    this.#dice = world.dice(`destination ${name}`);
  }

  of(event: KnownEvent): Taken | undefined {
    return this.#taken.get(event);
  }

  #entry(event: KnownEvent): Taken {
    let taken = this.#taken.get(event);
    if (taken === undefined) {
      taken = { times: 0, confirmedTo: undefined, wasRefused: false };
      this.#taken.set(event, taken);
    }
    return taken;
  }

  /**
   * The sink of one pipeline that sends here.
   *
   * @param mostEvents how many events may be on their way at a time
   */
  sink(
    life: Life,
    limits: BatchLimits,
    settings: { readonly maxInFlight: number; readonly timeoutMs: number },
    mostEvents: () => number,
  ): Sink {
    const session: Session = { highest: -1, sent: new Set(), inFlight: new Map() };
    const eventBytes = (event: CollectedEvent) => event.bytes.length + 10;
    return {
      name: this.name,
      type: "simulated",
      limits,
      eventBytes,
      write: async (batch, signal) => {
        if (!life.alive) return new Promise<Receipt>(() => {});
        const events = this.#check(batch, limits, eventBytes, session);
        const land = this.#takeOff(session, batch.length, settings.maxInFlight, mostEvents());
        signal.addEventListener("abort", () => this.#world.time.after(ABORT_GRACE_MS - 1, land), { once: true });
        try {
          return await this.#answer(events, session, life, signal, settings.timeoutMs);
        } finally {
          land();
        }
      },
      check: () => Promise.resolve([]),
      close: () => Promise.resolve(),
    };
  }

  /** Counts a write until it has ended, or its pipeline does not wait for it any more. */
  #takeOff({ inFlight }: Session, events: number, maxInFlight: number, maxEvents: number): () => void {
    const flight = {};
    inFlight.set(flight, events);
    let all = 0;
    for (const some of inFlight.values()) all += some;
    if (inFlight.size > maxInFlight || all > maxEvents)
      this.#world.violate(
        "bounds",
        `${this.name} has ${inFlight.size} writes in flight with ${all} events, of ${maxInFlight} and ${maxEvents}`,
      );
    return () => inFlight.delete(flight);
  }

  #check(
    batch: Batch,
    limits: BatchLimits,
    eventBytes: (event: CollectedEvent) => number,
    session: Session,
  ): KnownEvent[] {
    let bytes = 0;
    const events: KnownEvent[] = [];
    let isFirst = -1;
    for (const event of batch) {
      if (eventBytes(event) > limits.maxEventBytes)
        this.#world.violate("bounds", `${this.name} was sent ${event.id}, which is too large for it`);
      bytes += eventBytes(event);
      const whole = this.#claims.joined(this.name, event.bytes);
      const known = this.#events.seenBy(this.name, { ...event, bytes: whole });
      if (known === undefined) continue;
      events.push(known);
      if (this.#taken.get(known)?.confirmedTo === session)
        this.#world.violate("duplicates", `${this.name} was sent ${known.id} again after it had confirmed it`);
      if (session.sent.has(event.position)) continue;
      session.sent.add(event.position);
      // Others do not wait for the data of a large one to be stored.
      if (whole !== event.bytes) continue;
      if (event.position < session.highest || event.position < isFirst)
        this.#world.violate(
          "order",
          `${this.name} was first sent position ${event.position} after position ${Math.max(isFirst, session.highest)}`,
        );
      isFirst = event.position;
    }
    session.highest = Math.max(session.highest, isFirst);
    if (batch.length > limits.maxEvents || bytes > limits.maxBytes)
      this.#world.violate("bounds", `${this.name} was sent a batch of ${batch.length} events and ${bytes} bytes`);
    return events;
  }

  async #answer(
    events: readonly KnownEvent[],
    session: object,
    life: Life,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<Receipt> {
    const dice = this.#dice;
    const { time } = this.#world;
    const answer = this.#draw();
    this.#world.trace.add("write", this.name, answer, events.length, events[0]?.position ?? -1);
    if (answer !== "take") this.#world.count(`sink: ${answer}`);
    const delayMs = dice.between(this.temper.minMs, this.temper.maxMs);
    const sentMs = time.nowMs;
    switch (answer) {
      case "take": {
        await time.wait(delayMs / 2);
        const receipt = this.#takeAll(events);
        await time.wait(delayMs / 2);
        this.#confirm(events, receipt, session, life, sentMs, timeoutMs, signal);
        return receipt;
      }
      case "take some": {
        await time.wait(delayMs);
        const receipt = this.#takeSome(events);
        this.#confirm(events, receipt, session, life, sentMs, timeoutMs, signal);
        return receipt;
      }
      case "throttle":
        await time.wait(delayMs);
        this.#refuse(events);
        return {
          kind: "retryable",
          reason: "throttled",
          ...(dice.chance(0.3) && { retryAfterMs: dice.between(1, 500) }),
        };
      case "fail":
        await time.wait(delayMs);
        this.#refuse(events);
        return { kind: "retryable", reason: "HTTP 503" };
      case "take and never answer":
        this.#refuse(events);
        await time.wait(delayMs);
        this.#takeAll(events);
        return this.#whenAborted(signal);
      case "hang":
        this.#refuse(events);
        return this.#whenAborted(signal);
      case "take and answer too late": {
        this.#refuse(events);
        await time.wait(delayMs);
        const receipt = this.#takeAll(events);
        await time.wait(timeoutMs + ABORT_GRACE_MS + 1);
        return receipt;
      }
      case "take and throw":
        this.#refuse(events);
        await time.wait(delayMs);
        this.#takeAll(events);
        throw new Error("simulated bug of a sink, after the batch was taken");
      case "throw":
        this.#refuse(events);
        throw new Error("simulated bug of a sink");
    }
  }

  #draw(): Answer {
    let parts = 0;
    for (const [, part] of this.temper.answers) parts += part;
    let left = this.#dice.next() * parts;
    for (const [answer, part] of this.temper.answers) {
      left -= part;
      if (left < 0) return answer;
    }
    return "take";
  }

  /** Some sinks end at once when they are aborted, some late, some never. */
  async #whenAborted(signal: AbortSignal): Promise<Receipt> {
    const delayMs = this.#dice.pick([0, 100, ABORT_GRACE_MS * 2, Number.POSITIVE_INFINITY]);
    await new Promise<void>((resolve) => {
      if (signal.aborted) resolve();
      else signal.addEventListener("abort", () => resolve(), { once: true });
    });
    if (delayMs === Number.POSITIVE_INFINITY) return new Promise(() => {});
    await this.#world.time.wait(delayMs);
    return { kind: "retryable", reason: "aborted" };
  }

  #takeAll(events: readonly KnownEvent[]): Receipt {
    const hasPoison = this.poison !== "taken" && events.some(({ type }) => type === "poison");
    if (hasPoison && this.poison === "refused whole") {
      this.#refuse(events.filter(({ type }) => type === "poison" || events.length === 1));
      return { kind: "refused", reason: "one of the events is not to my taste" };
    }
    const fates = events.map((event): Fate => this.#judge(event));
    return hasPoison || this.#dice.chance(0.1) ? { kind: "partial", fates } : { kind: "delivered" };
  }

  #takeSome(events: readonly KnownEvent[]): Receipt {
    if (this.poison === "refused whole" && events.some(({ type }) => type === "poison")) return this.#takeAll(events);
    const likely = this.#dice.next();
    const fates = events.map((event): Fate => {
      if (this.#dice.chance(likely)) return this.#judge(event);
      this.#refuse([event]);
      return { kind: "retryable", reason: "throttled" };
    });
    return { kind: "partial", fates };
  }

  #judge(event: KnownEvent): Fate {
    if (event.type === "poison" && this.poison === "rejected") {
      this.#refuse([event]);
      return { kind: "rejected", reason: "not to my taste" };
    }
    this.#entry(event).times++;
    this.#world.count("events taken");
    return { kind: "delivered" };
  }

  #refuse(events: readonly KnownEvent[]): void {
    for (const event of events) this.#entry(event).wasRefused = true;
  }

  /** Takes note of what the pipeline now knows, if it listens still: that must not be sent again by it. */
  #confirm(
    events: readonly KnownEvent[],
    receipt: Receipt,
    session: object,
    life: Life,
    sentMs: number,
    timeoutMs: number,
    signal: AbortSignal,
  ): void {
    // After an abort it is up to the pipeline how long it waits; then we cannot say what it has heard.
    const isHeard = life.alive && !signal.aborted && this.#world.time.nowMs < sentMs + timeoutMs;
    if (!isHeard) return;
    for (const [index, event] of events.entries()) {
      const fate = receipt.kind === "partial" ? receipt.fates[index] : receipt;
      if (fate?.kind !== "delivered") continue;
      this.#entry(event).confirmedTo = session;
    }
  }
}
