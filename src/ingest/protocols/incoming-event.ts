import type { ValidationProblem } from "../../core/validation.ts";
import type { RelayedForm } from "./relayed-form.ts";

/** One event as a sender's request holds it: read and checked for form, not yet validated against a schema. */
export interface IncomingEvent {
  /** The sender's id; `undefined` when one has to be assigned. */
  readonly id: string | undefined;
  readonly type: string;
  readonly time: string | undefined;
  readonly dataschema: string | undefined;
  /** `data`, parsed; `undefined` when the event has none, and once it is judged: it can take 15 times its bytes. */
  data: unknown;
  /** The sender's object, byte for byte, a view into the request's body. */
  readonly raw: Buffer;
  /** True when a top-level member must be taken out or renamed before the collector adds its own. */
  readonly rewrite: boolean;
  /** Set where another collector has recorded the event, and the source believes it. */
  readonly relayed?: RelayedForm;
}

/** Something in the request that should be an event and is not. */
export interface MalformedEvent {
  readonly id: string | undefined;
  readonly problems: readonly ValidationProblem[];
  readonly raw: Buffer;
  /** False when it breaks a limit or is not JSON: then it is better not parsed later either. */
  readonly parsed: boolean;
  /** True when `raw` has the members of an event, so that pointers into events hold for it. */
  readonly inForm?: boolean;
}

export type IncomingItem =
  | { readonly kind: "event"; readonly event: IncomingEvent }
  | { readonly kind: "malformed"; readonly malformed: MalformedEvent };

/** What a protocol found at the end of a body in which events cannot be told apart. `code` is a problem code of `docs/errors.md`. */
export interface UnreadableBody {
  readonly kind: "unreadable";
  readonly code: string;
  readonly detail: string;
}

/**
 * Reads a request's body event by event, so that who reads may pause, and may let go of
 * one before the next is parsed. It yields `undefined` where it has worked for long and has no event
 * yet, which is a place to pause too. When it returns an `UnreadableBody`, what it yielded
 * before counts for nothing.
 */
export type IncomingBody = Generator<IncomingItem | undefined, UnreadableBody | undefined, undefined>;

/** Bounds a protocol enforces while it reads, before anything is parsed into objects. */
export interface EventLimits {
  readonly maxEventBytes: number;
  readonly maxEventsPerRequest: number;
  readonly maxJsonDepth: number;
  /** Most members and elements, at all levels, of one event. */
  readonly maxJsonKeys: number;
}

/** What the collector adds to an event. */
export interface Enrichment {
  /** Name of the source. */
  readonly source: string;
  readonly receivedMs: number;
  /** As the source's privacy setting allows; `undefined`: not recorded. */
  readonly clientIp: string | undefined;
  readonly userAgent: string | undefined;
  /** Further attributes, as members of a JSON object, each after a comma. */
  readonly attributes?: string;
  /** `<node>/<slot>-`, completed by the event's position. */
  readonly collectorPrefix: string;
}
