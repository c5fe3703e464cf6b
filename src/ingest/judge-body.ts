import type { EventValidator } from "../core/validation.ts";
import type { RefusedBody } from "./body/body-result.ts";
import type { HeldBody } from "./body/held-body.ts";
import type { HttpConfig } from "./config.ts";
import { Judge, type Judgement } from "./judge-events.ts";
import type { EventLimits, IncomingBody, UnreadableBody } from "./protocols/incoming-event.ts";
import type { BodyReader } from "./protocols/protocol.ts";
import type { Source } from "./sources.ts";
import { Turnstile } from "./turnstile.ts";

/** So much of a body is read in one turn of the event loop: up to 10 milliseconds' worth. */
const SLICE_BYTES = 256 * 1024;

/** An event counts as so many bytes at least: to make one of another protocol's message takes 10 microseconds, however small it is. */
const MIN_EVENT_BYTES = 256;

/** The events of a body, or why they are not taken. */
type Judged = Judgement | UnreadableBody | RefusedBody;

/** Reads the events of a body and decides which are accepted, at once where it is small. */
export class BodyJudge {
  readonly #http: HttpConfig;
  readonly #validator: () => EventValidator;
  readonly #turnstile = new Turnstile();

  constructor(http: HttpConfig, validator: () => EventValidator) {
    this.#http = http;
    this.#validator = validator;
  }

  judge(held: HeldBody, reader: BodyReader, source: Source, receivedMs: number): Judged | Promise<Judged> {
    const judge = new Judge(source, this.#validator());
    const events = reader(held.body, this.#limits(source), receivedMs);
    if (held.body.length > SLICE_BYTES) return this.#judgeInSlices(judge, events, held);
    const end = judgeSlice(judge, events) ?? held.growTo(judge.bytes);
    // Events that are made of another protocol's messages may be larger than these.
    return end === "more" ? this.#judgeInSlices(judge, events, held) : (end ?? judge);
  }

  /** A slice at a time, so that others are served between. */
  async #judgeInSlices(judge: Judge, events: IncomingBody, held: HeldBody): Promise<Judged> {
    for (;;) {
      // Also before the first event, for which a body is looked through as a whole.
      await this.#turnstile.pass();
      const end = judgeSlice(judge, events);
      // A protocol may make events of a body that are many times as long as it is.
      const refusal = held.growTo(judge.bytes);
      if (refusal !== undefined) return refusal;
      if (end !== "more") return end ?? judge;
    }
  }

  #limits(source: Source): EventLimits {
    const maxEventsPerRequest = maxEventsOf(source, this.#http);
    return maxEventsPerRequest === this.#http.maxEventsPerRequest ? this.#http : { ...this.#http, maxEventsPerRequest };
  }
}

/** Judges the events of one slice; `more`: there may be others. Else what the body ended with. */
function judgeSlice(judge: Judge, events: IncomingBody): UnreadableBody | undefined | "more" {
  let bytes = 0;
  while (bytes <= SLICE_BYTES) {
    const next = events.next();
    if (next.done === true) return next.value;
    if (next.value === undefined) return "more";
    judge.add(next.value);
    const { raw } = next.value.kind === "event" ? next.value.event : next.value.malformed;
    bytes += Math.max(raw.length, MIN_EVENT_BYTES);
  }
  return "more";
}

/** Most events in a request of the source. */
export function maxEventsOf({ quota }: Source, { maxEventsPerRequest }: HttpConfig): number {
  return quota === undefined ? maxEventsPerRequest : Math.min(maxEventsPerRequest, quota.maxEventsPerRequest);
}
