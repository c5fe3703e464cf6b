import type { EventValidator } from "../core/validation.ts";
import type { HttpConfig } from "./config.ts";
import { Judge, type Judgement } from "./judge-events.ts";
import type { EventLimits, UnreadableBody } from "./protocols/incoming-event.ts";
import { type BodyLayout, parseNative } from "./protocols/native.ts";
import type { Source } from "./sources.ts";
import { Turnstile } from "./turnstile.ts";

/** So much of a body is read in one turn of the event loop: milliseconds' worth, up to 9 for a body of nothing but `{}`. */
const SLICE_BYTES = 256 * 1024;

/** Reads the events of a body and decides which are accepted, at once where it is small. */
export class BodyJudge {
  readonly #http: HttpConfig;
  readonly #validator: () => EventValidator;
  readonly #turnstile = new Turnstile();

  constructor(http: HttpConfig, validator: () => EventValidator) {
    this.#http = http;
    this.#validator = validator;
  }

  judge(
    body: Buffer,
    layout: BodyLayout,
    source: Source,
  ): Judgement | UnreadableBody | Promise<Judgement | UnreadableBody> {
    if (body.length > SLICE_BYTES) return this.#judgeInSlices(body, layout, source);
    const judge = new Judge(source, this.#validator());
    const events = parseNative(body, layout, this.#limits(source));
    for (;;) {
      const next = events.next();
      if (next.done === true) return next.value ?? judge;
      judge.add(next.value);
    }
  }

  /** A slice at a time, so that others are served between. */
  async #judgeInSlices(body: Buffer, layout: BodyLayout, source: Source): Promise<Judgement | UnreadableBody> {
    // A body is looked through as a whole before its first event.
    await this.#turnstile.pass();
    const judge = new Judge(source, this.#validator());
    const events = parseNative(body, layout, this.#limits(source));
    let sliceBytes = 0;
    for (;;) {
      const next = events.next();
      if (next.done === true) return next.value ?? judge;
      judge.add(next.value);
      sliceBytes += next.value.kind === "event" ? next.value.event.raw.length : next.value.malformed.raw.length;
      if (sliceBytes <= SLICE_BYTES) continue;
      sliceBytes = 0;
      await this.#turnstile.pass();
    }
  }

  #limits(source: Source): EventLimits {
    const maxEventsPerRequest = maxEventsOf(source, this.#http);
    return maxEventsPerRequest === this.#http.maxEventsPerRequest ? this.#http : { ...this.#http, maxEventsPerRequest };
  }
}

/** Most events in a request of the source. */
export function maxEventsOf({ quota }: Source, { maxEventsPerRequest }: HttpConfig): number {
  return quota === undefined ? maxEventsPerRequest : Math.min(maxEventsPerRequest, quota.maxEventsPerRequest);
}
