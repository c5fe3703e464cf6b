import type { Fate, Receipt } from "../../core/sink.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import { retryAfterMs } from "../../outbound/retry-after.ts";
import type { Reply } from "../../outbound/whole-reply.ts";
import { confirmsAll } from "./confirmation.ts";
import { failureInWords, inWords, readError, readRequestError, type ServerError } from "./server-error.ts";

const DELIVERED: Fate = { kind: "delivered" };
const UNTOLD: Fate = { kind: "retryable", reason: "the reply does not confirm the event" };

/** Errors about the document itself, whatever the state of the cluster: no repetition can mend them. */
const BLAMES_EVENT = new Set([
  "mapper_parsing_exception",
  "document_parsing_exception",
  "parsing_exception",
  "mapper_exception",
]);

const ABOUT_INDEX = new Set([
  "index_closed_exception",
  "index_not_found_exception",
  "invalid_index_name_exception",
  "invalid_alias_name_exception",
]);

/**
 * Beginnings of an `illegal_argument_exception` about the document. They go first, since names
 * of fields, which are the sender's, may follow.
 */
const WORDS_ON_EVENT =
  /^(limit of (total fields|mapping depth|nested)|document contains at least one immense term|mapper \[|can't merge|field name|object mapping|failed to parse)/i;

/** Beginnings that are about the configuration or the cluster, though the status blames the request. */
const WORDS_ON_CLUSTER =
  /^(no write index|this action would add|.{0,20}this cluster currently has|pipeline with id|document ID is not supported|only write ops|\[?require_)/i;

/** The receipt, and how many of the events were there already. */
export interface BulkResult {
  readonly receipt: Receipt;
  readonly duplicates: number;
  /** The destination has at least one of the events. */
  readonly tookAny: boolean;
}

/**
 * Reads the reply to a `_bulk` request of `count` documents to create.
 *
 * Delivered is what was created, and what was there already by its id. Rejected is only
 * what the server says no repetition can mend. An error that nobody knows is taken for the event's
 * own when others get through, in this batch or in the one before, and for the destination's when
 * none do: a slip of an operator must not dead-letter every event, nor one event be tried for ever.
 *
 * @param now.tookBefore whether the destination took any event of the batch before this one
 */
export function readBulkReply(
  reply: Reply,
  count: number,
  now: { readonly tookBefore: boolean; readonly nowMs: number },
): BulkResult {
  const { status, body } = reply;
  if (status !== 200) return whole(readFailure(reply, count, now));
  if (confirmsAll(body, count)) return whole({ kind: "delivered" });
  const items = parseJsonObject(body)?.["items"];
  if (!Array.isArray(items)) return whole(unusable("is not one to _bulk, or not whole"));
  if (items.length !== count) return whole(unusable(`tells of ${items.length} events, not ${count}`));
  return readItems(items, now.tookBefore);
}

function readItems(items: readonly unknown[], tookBefore: boolean): BulkResult {
  const judged = items.map(judge);
  const duplicates = judged.filter(({ verdict }) => verdict === "duplicate").length;
  const tookAny = duplicates > 0 || judged.some(({ verdict }) => verdict === "created");
  const fates = judged.map((item) => fateOf(item, tookAny || tookBefore));
  if (fates.every(({ kind }) => kind === "delivered")) return { receipt: { kind: "delivered" }, duplicates, tookAny };
  return { receipt: { kind: "partial", fates }, duplicates, tookAny };
}

interface Judged {
  readonly verdict: "created" | "duplicate" | "retry" | "reject" | "unknown" | "untold";
  readonly reason: string;
}

function judge(item: unknown): Judged {
  const result = isObject(item) ? (item["create"] ?? item["index"]) : undefined;
  if (!isObject(result)) return { verdict: "untold", reason: "" };
  const { status, error } = result;
  if (error === undefined || error === null)
    return { verdict: status === 200 || status === 201 ? "created" : "untold", reason: "" };
  const told = readError(error);
  return { verdict: verdictOn(typeof status === "number" ? status : 0, told), reason: inWords(told) };
}

function verdictOn(status: number, error: ServerError): Judged["verdict"] {
  if (status === 409) return error.type === "version_conflict_engine_exception" ? "duplicate" : "retry";
  if (status !== 400) return "retry";
  if (BLAMES_EVENT.has(error.type)) return "reject";
  if (error.type === "illegal_argument_exception" && WORDS_ON_EVENT.test(error.reason)) return "reject";
  if (ABOUT_INDEX.has(error.type) || WORDS_ON_CLUSTER.test(error.reason)) return "retry";
  return "unknown";
}

function fateOf({ verdict, reason }: Judged, takesOthers: boolean): Fate {
  switch (verdict) {
    case "created":
    case "duplicate":
      return DELIVERED;
    case "reject":
      return { kind: "rejected", reason };
    case "retry":
      return { kind: "retryable", reason };
    case "unknown":
      return { kind: takesOthers ? "rejected" : "retryable", reason };
    case "untold":
      return UNTOLD;
  }
}

function readFailure(
  { status, headers, body }: Reply,
  count: number,
  { tookBefore, nowMs }: { readonly tookBefore: boolean; readonly nowMs: number },
): Receipt {
  const reason = failureInWords(status, body);
  if (status === 413) return { kind: "refused", reason: `the request is too large for the server (${reason})` };
  if (status === 400 && mayBlameEvent(readRequestError(body))) {
    if (tookBefore) return { kind: "refused", reason };
    // Told of each event, so that others are tried: once one gets through, the guilty one is looked for.
    return { kind: "partial", fates: Array.from({ length: count }, () => ({ kind: "retryable", reason })) };
  }
  const pauseMs = retryAfterMs(headers, nowMs);
  return { kind: "retryable", reason, ...(pauseMs !== undefined && { retryAfterMs: pauseMs }) };
}

/** One event can make the server refuse a whole request. A proxy's 400 has no type, and says nothing of events. */
function mayBlameEvent({ type, reason }: ServerError): boolean {
  return type !== "" && !ABOUT_INDEX.has(type) && !WORDS_ON_CLUSTER.test(reason);
}

function whole(receipt: Receipt): BulkResult {
  return { receipt, duplicates: 0, tookAny: receipt.kind === "delivered" };
}

function unusable(what: string): Receipt {
  return { kind: "retryable", reason: `the reply ${what}, so nothing in it is believed` };
}
