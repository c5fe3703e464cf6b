import type { Fate, Receipt } from "../../core/sink.ts";
import type { Hide } from "../../outbound/hide-secrets.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import { quotable } from "../../outbound/quotable.ts";
import { retryAfterMs } from "../../outbound/retry-after.ts";
import type { Reply, ReplyHeaders } from "../../outbound/whole-reply.ts";

/** Taken by another Millrace, which has not delivered it yet. */
export interface Awaited {
  readonly kind: "awaited";
  /** Its receipt id, `<slot>-<position>`. */
  readonly receipt: string;
  /** What the receiver calls itself, since others have receipts of the same name; `undefined` when it does not tell. */
  readonly node: string | undefined;
}

/** What an answer says of a batch. */
export type Answer = Receipt | { readonly kind: "mixed"; readonly fates: readonly (Fate | Awaited)[] };

/** What is known of the receiver. */
export interface Receiver {
  /** Another Millrace: its answers are known, and anything else did not come from one. */
  readonly isMillrace: boolean;
  readonly nowMs: number;
  /** Takes the secrets out of what it says. */
  readonly hide: Hide;
}

/** What a Millrace that answers about receipts calls itself. */
export function nodeOf({ "millrace-node": node }: ReplyHeaders): string | undefined {
  return typeof node === "string" ? node : undefined;
}

const DELIVERED: Fate = { kind: "delivered" };

/** A Millrace answers these to events that it takes, and no other 2xx. */
const MILLRACE_SUCCESS: ReadonlySet<number> = new Set([201, 202, 207]);

/**
 * Statuses that blame the address, the credentials or the form of the request, and so the configuration
 * of one of both sides. Events wait until it is mended.
 */
const MISCONFIGURED: Readonly<Record<number, string>> = {
  401: "check the credentials (auth, headers, millrace.key)",
  402: "the receiver wants to be paid",
  403: "the receiver does not allow it: check the credentials and their rights",
  404: "there is nothing at this path: check url",
  405: "the path does not take this method: check url and method",
  406: "check headers",
  407: "a proxy in between wants credentials",
  410: "what was at this path is gone for good: check url, or remove the sink",
  411: "something in between does not take bodies with a known length",
  414: "url is too long for the receiver",
  415: "the receiver does not take this format or compression: check both",
  417: "check headers",
  421: "the server does not serve this host: check url",
  426: "the receiver wants another version of HTTP or TLS",
  431: "the headers are too large for the receiver: check headers",
  451: "the receiver may not take it for legal reasons",
  511: "the network in between wants a login",
};

/** Codes by which a Millrace refuses what is wrong with the request's address, not with its events (docs/errors.md). */
const MISCONFIGURED_CODES: ReadonlySet<string> = new Set([
  "ack_invalid",
  "ack_unavailable",
  "key_conflict",
  "query_invalid",
  "url_invalid",
]);

/** Statuses below 500 after which the same request may succeed. */
const LATER: ReadonlySet<number> = new Set([408, 425, 429]);

/**
 * Reads the answer to a batch.
 *
 * Where the body has `results`, each with an `index` into the batch, they tell the fate of each event.
 * Otherwise the status tells that of all.
 */
export function readAnswer(reply: Reply, events: number, receiver: Receiver): Answer {
  const { status } = reply;
  const { hide } = receiver;
  if (status >= 200 && status < 300) return readSuccess(reply, events, receiver);
  if (status >= 300 && status < 400) return misconfigured(reply, redirection(reply, hide), hide);
  const advice = MISCONFIGURED[status];
  if (advice !== undefined) return misconfigured(reply, advice, hide);
  if (status >= 500 || LATER.has(status)) {
    const pauseMs = retryAfterMs(reply.headers, receiver.nowMs);
    const reason = inWords(reply, hide);
    return pauseMs === undefined ? { kind: "retryable", reason } : { kind: "retryable", reason, retryAfterMs: pauseMs };
  }
  if (status < 200) return { kind: "retryable", reason: inWords(reply, hide) };
  const body = parseJsonObject(reply.body);
  const code = body?.["code"];
  if (receiver.isMillrace && typeof code === "string" && MISCONFIGURED_CODES.has(code)) {
    return misconfigured(reply, "check url and millrace", hide);
  }
  // 413 says nothing of single events, whatever else it says.
  if (status === 413 || !Array.isArray(body?.["results"])) return { kind: "refused", reason: inWords(reply, hide) };
  return readResults(reply, body, events, UNTOLD, hide) ?? senseless(reply);
}

const UNTOLD: Fate = { kind: "retryable", reason: "the answer does not tell what became of the event" };

function readSuccess(reply: Reply, events: number, { isMillrace, hide }: Receiver): Answer {
  if (isMillrace && !MILLRACE_SUCCESS.has(reply.status)) {
    return misconfigured(reply, "a Millrace answers events with 201: check url", hide);
  }
  const body = reply.body.length === 0 ? undefined : parseJsonObject(reply.body);
  if (Array.isArray(body?.["results"])) {
    return readResults(reply, body, events, reply.status === 207 ? UNTOLD : DELIVERED, hide) ?? senseless(reply);
  }
  const isPartial = reply.status === 207 || (isMillrace && reply.status === 202);
  if (isPartial) return { kind: "retryable", reason: `HTTP ${reply.status} without results for each event` };
  return { kind: "delivered" };
}

/**
 * The fates by `results`; `undefined` when they do not fit the batch.
 *
 * @param others of events that are not listed
 */
function readResults(
  reply: Reply,
  body: Readonly<Record<string, unknown>>,
  events: number,
  others: Fate,
  hide: Hide,
): Answer | undefined {
  const results = body["results"];
  if (!Array.isArray(results)) return undefined;
  const isAwaited = body["delivery"] === "pending" || body["delivery"] === "undelivered";
  const fates: (Fate | Awaited | undefined)[] = Array.from({ length: events });
  for (const result of results as readonly unknown[]) {
    if (!isObject(result)) return undefined;
    const { index } = result;
    if (typeof index !== "number" || !(index in fates) || fates[index] !== undefined) return undefined;
    fates[index] = fateOf(result, reply, isAwaited, hide);
  }
  const all = fates.map((fate) => fate ?? others);
  return all.every(({ kind }) => kind === "delivered") ? { kind: "delivered" } : { kind: "mixed", fates: all };
}

function fateOf(
  result: Readonly<Record<string, unknown>>,
  { status: httpStatus, headers }: Reply,
  isAwaited: boolean,
  hide: Hide,
): Fate | Awaited {
  const { status, receipt } = result;
  switch (status) {
    case "rejected":
      return { kind: "rejected", reason: problemInWords(result, hide) };
    case "retry":
      return { kind: "retryable", reason: problemInWords(result, hide) };
    case "accepted":
      // Below 300 only: a refused request stores nothing.
      if (httpStatus >= 300) return UNTOLD;
      return isAwaited && typeof receipt === "string" ? { kind: "awaited", receipt, node: nodeOf(headers) } : DELIVERED;
    default:
      return UNTOLD;
  }
}

function problemInWords({ code, pointer, message }: Readonly<Record<string, unknown>>, hide: Hide): string {
  const what = typeof code === "string" ? code : "refused by the receiver";
  const where = typeof pointer === "string" && pointer !== "" ? ` at ${pointer}` : "";
  const why = typeof message === "string" ? `: ${message}` : "";
  return quotable(hide(`${what}${where}${why}`));
}

function senseless({ status }: Reply): Receipt {
  return { kind: "retryable", reason: `HTTP ${status} with results that do not fit the batch, so none is believed` };
}

function misconfigured(reply: Reply, advice: string, hide: Hide): Receipt {
  return { kind: "retryable", reason: `${inWords(reply, hide)} (${advice})` };
}

function redirection({ headers }: Reply, hide: Hide): string {
  const { location } = headers;
  const where = typeof location === "string" ? ` to ${quotable(hide(withoutQuery(location)))}` : "";
  return `redirects${where} are not followed: put the final address into url`;
}

function withoutQuery(location: string): string {
  return location.replace(/[?#].*$/s, "");
}

/** Of what a body says: many times what is quoted, so that no secret that is quoted is cut. */
const MAX_READ_BYTES = 16 * 1024;

/** The status, and what the body says of it: in its words for people where it has some that are known, else as it is. */
export function inWords({ status, body }: Pick<Reply, "status" | "body">, hide: Hide): string {
  const problem = parseJsonObject(body);
  const { code, detail, title, message } = problem ?? {};
  const told = [detail, message, title].find((text) => typeof text === "string" && text !== "");
  const text = typeof told === "string" ? told : typeof code === "string" ? "" : asText(body, problem);
  const named = typeof code === "string" ? ` ${quotable(hide(code))}` : "";
  const said = quotable(hide(text));
  return said === "" ? `HTTP ${status}${named}` : `HTTP ${status}${named}: ${said}`;
}

/** JSON is written anew, without needless escapes: a secret that is quoted in it can be found and hidden. */
function asText(body: Buffer, json: Readonly<Record<string, unknown>> | undefined): string {
  return json === undefined
    ? body.subarray(0, MAX_READ_BYTES).toString()
    : JSON.stringify(json).slice(0, MAX_READ_BYTES);
}
