import type { Exchange, ProblemForm, RequestHead, Visitor } from "../exchange.ts";
import type { Source } from "../sources.ts";
import type { EventLimits, IncomingBody } from "./incoming-event.ts";
import type { ProtocolName } from "./protocol-names.ts";

/**
 * A dialect of HTTP in which events are sent: where it is spoken, how its events are read, and how
 * it tells what became of them.
 *
 * A protocol does not admit, validate, store, count or wait: the intake does, for all alike.
 */
export interface Protocol {
  readonly name: ProtocolName;
  readonly endpoints: readonly ProtocolEndpoint[];
}

/** A path of the event port at which a protocol is spoken. */
export interface ProtocolEndpoint {
  /** The usual path. A source may have others that stand for it. */
  readonly path: string;
  readonly methods: readonly ("GET" | "POST")[];
  /** What it reads, for `Accept-Post` and for who sent something else. */
  readonly mediaTypes: readonly string[];
  /**
   * How the events of such a request are read; `undefined` when its media type is none of `mediaTypes`.
   *
   * @param source who sends it, for protocols that sources have options for
   * @param visitorId of whom {@link visitorOf} has told
   */
  readerOf(head: RequestHead, source: Source, visitorId?: string): BodyReader | undefined;
  /**
   * The visitor whom a request of the source comes from, known again or new, where the source wants them to be
   * told apart by a cookie. Asked once for each request. The protocol's own answer sets the cookie.
   */
  visitorOf?(head: RequestHead, source: Source): Visitor | undefined;
  /**
   * The write key within a body, for clients that put it there; asked only when the request carries
   * none elsewhere. The body is decompressed, and may be anything.
   */
  keyIn?(body: Buffer, head: RequestHead): string | undefined;
  /** Whether the sender asks that its address is not recorded. Default: as the source is configured. */
  isAnonymous?(head: RequestHead): boolean;
  /** Headers, in pairs, that its answer to OPTIONS has besides, for who may send events here. */
  greet?(head: RequestHead): readonly string[];
  /** Tells that a request is taken. Default: as the native protocol does. */
  answer?(exchange: Exchange, taken: Taken): void;
  /** How a refusal is written. Default: `application/problem+json`. */
  readonly problemForm?: ProblemForm;
}

/**
 * Reads the events of one request.
 *
 * @param body whole and decompressed; empty with GET
 * @param receivedMs when the request was admitted, in Unix time
 */
export type BodyReader = (body: Buffer, limits: EventLimits, receivedMs: number) => IncomingBody;

/** What became of the events of a request at the level that was asked for. */
export interface Taken {
  /** Stored, or kept from it by a rule of the source. 0 at level `received`, which answers before they are counted. */
  readonly accepted: number;
  readonly rejected: number;
  /** What is wrong with the first that was rejected, in one sentence. */
  readonly problem: string | undefined;
  /** Receipt of the last that was stored; `undefined` when none was, and at level `received`. */
  readonly receipt: string | undefined;
  /** `delivered` was asked for, and is not reached: not in time, or not at all. */
  readonly pending: boolean;
}
