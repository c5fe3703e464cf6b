import type { ValidationProblem } from "../../../core/validation.ts";
import type { EventLimits, UnreadableBody } from "../incoming-event.ts";

/** What a request says once for many records: a resource or a scope. */
export interface Surroundings {
  /** The members of its JSON without its braces and its list, such as `"resource":{…},"schemaUrl":"…"`. */
  readonly json: string;
  /** The same, parsed. */
  readonly members: Readonly<Record<string, unknown>>;
  /** Why it is not taken, and with it everything that it surrounds. */
  readonly problem?: ValidationProblem;
}

/** A log record, span or metric in the JSON of OTLP, and what surrounds it. */
export interface Part {
  readonly resource: Surroundings;
  readonly scope: Surroundings;
  /** The JSON as it was sent, or as it is printed of protobuf; the bytes of either when there is a problem. */
  readonly raw: Buffer;
  /** The JSON parsed. */
  readonly value: Readonly<Record<string, unknown>>;
  readonly problem?: ValidationProblem;
}

/** The parts of a request one after another, or `undefined` as a place to pause. When it returns an `UnreadableBody`, what came before counts for nothing. */
export type Parts = Generator<Part | undefined, UnreadableBody | undefined, undefined>;

/**
 * What OTLP may take for an event of the given limits: it writes a value of a map as
 * `{"kvlistValue":{"values":[{"key":…,"value":…}]}}`, which is four levels, and `"a":1` as
 * `{"key":"a","value":{"intValue":"1"}}`. The event that is made of it is held to the limits themselves.
 */
export function limitsOfParts(limits: EventLimits): EventLimits {
  return {
    ...limits,
    maxEventBytes: 4 * limits.maxEventBytes,
    maxJsonDepth: 4 * limits.maxJsonDepth + 4,
    maxJsonKeys: 4 * limits.maxJsonKeys + 50,
  };
}

/** Resources and scopes without records cost time, and become no events that could be counted. */
export function tooManyGroups({ maxEventsPerRequest }: EventLimits): UnreadableBody {
  const detail = `A request may hold at most ${maxEventsPerRequest} resources and scopes; send smaller batches.`;
  return { kind: "unreadable", code: "too_many_events", detail };
}

/**
 * Counts the spans or metrics of a request, of which many make one event, and whatever else is there
 * in their place: each costs time, however little it holds.
 */
export class SmallParts {
  readonly #most: number;
  #seen = 0;

  constructor({ maxEventsPerRequest }: EventLimits) {
    this.#most = 10 * maxEventsPerRequest;
  }

  /** Throws a `PartsFault` for one too many. */
  count(): void {
    if (++this.#seen <= this.#most) return;
    const detail = `A request may hold at most ${this.#most} spans or metrics; send smaller batches.`;
    throw new PartsFault({ kind: "unreadable", code: "too_many_events", detail });
  }
}

/** A request whose parts cannot be told apart. Thrown, and caught where the reading began. */
export class PartsFault extends Error {
  readonly body: UnreadableBody;

  constructor(body: UnreadableBody) {
    super(body.detail);
    this.body = body;
  }
}

export function invalidOtlp(detail: string): UnreadableBody {
  return { kind: "unreadable", code: "invalid_otlp", detail };
}
