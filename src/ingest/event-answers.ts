import type { Position } from "../core/event.ts";
import type { EventOptions } from "./event-options.ts";
import { type EventResult, eventResults } from "./event-results.ts";
import type { Exchange } from "./exchange.ts";
import { allInvalid } from "./intake-problems.ts";
import { NODE_HEADER, nodeTag } from "./node-header.ts";
import type { Judgement } from "./judge-events.ts";
import type { ProtocolEndpoint, Taken } from "./protocols/protocol.ts";
import type { countStates } from "./receipts.ts";

/** What is known of a request that is answered before it is read, or that holds no events. */
const UNCOUNTED: Taken = { accepted: 0, rejected: 0, problem: undefined, receipt: undefined, pending: false };

/** Events of one request that are in the journal, and what there is to tell about them. */
export interface Stored {
  readonly first: Position;
  /** How many; none when all that were valid are filtered. */
  readonly accepted: number;
  /** Valid, and not stored by a rule of the source. */
  readonly filtered: number;
  readonly rejected: number;
  /** What is wrong with the first that was rejected. */
  readonly problem: string | undefined;
  /** Made only when they will be sent. */
  readonly results: readonly EventResult[] | undefined;
}

/** How waiting for the sinks has ended. */
export type Settled = "delivered" | "undelivered" | "timeout";

/** Tells that a request is taken of which there is nothing to count. */
export function answerUncounted(exchange: Exchange, endpoint: ProtocolEndpoint): undefined {
  if (exchange.answered) return;
  if (endpoint.answer === undefined) exchange.empty(201);
  else endpoint.answer(exchange, UNCOUNTED);
}

/** Tells as the native protocol does that events are stored, and what became of them where it was waited for. */
export function answerStored(
  exchange: Exchange,
  options: EventOptions,
  { accepted, filtered, rejected, results }: Stored,
  receipt: string | undefined,
  waited:
    | { readonly settled: Settled; readonly sinks: ReturnType<typeof countStates>; readonly node: string }
    | undefined,
): void {
  const headers = receipt === undefined ? [] : ["Millrace-Receipt", receipt];
  const complete = waited === undefined || waited.settled === "delivered";
  if (complete && results === undefined) return exchange.empty(201, headers);
  if (!complete) headers.push(NODE_HEADER, nodeTag(waited.node));
  if (options.representation) headers.push("Preference-Applied", "return=representation");
  const status = rejected > 0 ? 207 : complete ? 201 : 202;
  if (status === 202 && receipt !== undefined) headers.push("Location", `/v1/receipts/${receipt}`);
  const delivery = waited && {
    delivery: waited.settled === "timeout" ? "pending" : waited.settled,
    sinks: waited.sinks,
  };
  exchange.json(
    status,
    JSON.stringify({ receipt, accepted, ...(filtered > 0 && { filtered }), rejected, ...delivery, results }),
    headers,
  );
}

/** The answer to `?validate=only`. */
export function answerCheck(exchange: Exchange, judgement: Judgement): void {
  const counts = { valid: judgement.valid.length, rejected: judgement.invalid.length };
  if (counts.valid === 0) return exchange.problem(allInvalid(judgement, { valid: 0 }));
  const results = eventResults(judgement, undefined);
  exchange.json(counts.rejected > 0 ? 207 : 200, JSON.stringify({ ...counts, results }));
}
