import type { EventValidator, ValidationProblem } from "../core/validation.ts";
import type { IncomingEvent, IncomingItem, MalformedEvent } from "./protocols/incoming-event.ts";
import { MAX_HOPS, readRelayed, type RelayedForm } from "./protocols/relayed-form.ts";
import type { Source } from "./sources.ts";

/** An event that is not accepted: malformed, or against the rules of its source. */
export interface InvalidEvent extends MalformedEvent {
  /** Place in the request, from 0. */
  readonly index: number;
  /** What the quarantine and the log get in place of `problems`, where these could quote what must not be stored. */
  readonly kept?: readonly ValidationProblem[];
}

/** An event that is accepted although its schema has something against it. */
export interface WarnedEvent {
  readonly index: number;
  readonly problems: readonly ValidationProblem[];
  /** As with {@link InvalidEvent}. */
  readonly kept?: readonly ValidationProblem[];
}

/** The events of a request, told apart; each list in the order of the request. */
export interface Judgement {
  readonly valid: readonly IncomingEvent[];
  readonly invalid: readonly InvalidEvent[];
  readonly warned: readonly WarnedEvent[];
}

const ID_REQUIRED: ValidationProblem = {
  code: "id_required",
  pointer: "/id",
  message:
    'This source takes only events with an "id" of the sender\'s own, such as a UUID, so that a repeat can be told.',
  expected: "a string",
};

const TOO_MANY_HOPS: ValidationProblem = {
  code: "invalid_attribute",
  pointer: "/via",
  message: `The event has come by ${MAX_HOPS} collectors already. Do their sinks form a loop?`,
  expected: `at most ${MAX_HOPS} collectors`,
};

type Rules = Pick<Source, "validation" | "unknownTypes" | "requireId" | "redaction" | "attributes"> &
  Partial<Pick<Source, "relay">>;

/**
 * Decides which events of a request are accepted under a source's rules. The form of an
 * event is always enforced, its schema as far as the source's validation mode says.
 *
 * It sees what the sender sent. What leaves it has the fields no more that the source redacts, so
 * that nothing after it sees them.
 *
 * Lets go of each event's parsed data, so that what waits for the journal is no larger
 * than its bytes.
 */
export class Judge implements Judgement {
  readonly valid: IncomingEvent[] = [];
  readonly invalid: InvalidEvent[] = [];
  readonly warned: WarnedEvent[] = [];
  /** Of all events together. */
  bytes = 0;
  readonly #rules: Rules;
  readonly #validator: EventValidator;

  constructor(rules: Rules, validator: EventValidator) {
    this.#rules = rules;
    this.#validator = validator;
  }

  add(item: IncomingItem): void {
    const index = this.valid.length + this.invalid.length;
    this.bytes += (item.kind === "event" ? item.event : item.malformed).raw.length;
    if (item.kind === "malformed") {
      this.#reject({ index, ...item.malformed });
      return;
    }
    const { event } = item;
    const { requireId, validation } = this.#rules;
    if (requireId && event.id === undefined) {
      this.#reject({ index, id: undefined, problems: [ID_REQUIRED], raw: event.raw, parsed: true, inForm: true });
      return;
    }
    const relayed = this.#rules.relay === true ? readRelayed(event.raw) : undefined;
    if (relayed !== undefined && relayed.hops >= MAX_HOPS) {
      this.#reject({ index, id: event.id, problems: [TOO_MANY_HOPS], raw: event.raw, parsed: true, inForm: true });
      return;
    }
    const problems = validation === "off" ? undefined : schemaProblems(event, this.#rules, this.#validator);
    event.data = undefined;
    if (problems === undefined) this.valid.push(this.#storable(event, relayed));
    else if (validation === "enforce") {
      this.#reject({ index, id: event.id, problems, raw: event.raw, parsed: true, inForm: true });
    } else {
      this.valid.push(this.#storable(event, relayed));
      const warned = { index, problems };
      this.warned.push(this.#rules.redaction?.warned(warned) ?? warned);
    }
  }

  #reject(event: InvalidEvent): void {
    this.invalid.push(this.#rules.redaction?.invalid(event) ?? event);
  }

  #storable(event: IncomingEvent, relayed: RelayedForm | undefined): IncomingEvent {
    const { redaction, attributes } = this.#rules;
    let { raw } = event;
    if (redaction !== undefined) raw = redaction.event(raw);
    if (attributes !== undefined) raw = attributes.withoutOwn(raw);
    if (relayed !== undefined) {
      const form = raw === event.raw ? relayed : readRelayed(raw);
      return { ...event, raw, ...(form && { relayed: form }) };
    }
    return raw === event.raw ? event : { ...event, raw };
  }
}

function schemaProblems(
  event: IncomingEvent,
  rules: Pick<Source, "unknownTypes">,
  validator: EventValidator,
): readonly ValidationProblem[] | undefined {
  const verdict = validator.validate(event.type, event.dataschema, event.data);
  if (verdict.kind === "valid") return undefined;
  if (verdict.kind === "unknown_type" && rules.unknownTypes === "accept") return undefined;
  return verdict.problems;
}
