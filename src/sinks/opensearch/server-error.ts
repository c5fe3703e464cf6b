import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import { quotable } from "../../outbound/quotable.ts";

/** An error as OpenSearch and Elasticsearch tell it, of a request or of one document. */
export interface ServerError {
  /** Such as `mapper_parsing_exception`; empty when the reply names none. */
  readonly type: string;
  /** The server's own words, shortened, in one line; empty when there are none. */
  readonly reason: string;
}

/** Reads `{type, reason, caused_by}`. Anything may stand in a reply, so everything is a value. */
export function readError(error: unknown): ServerError {
  if (typeof error === "string") return { type: "", reason: quotable(error) };
  if (!isObject(error)) return { type: "", reason: "" };
  const { type, reason, caused_by: cause } = error;
  const own = typeof reason === "string" ? reason : "";
  // The cause says which value was wrong where the reason says only that parsing failed.
  const inner = isObject(cause) && typeof cause["reason"] === "string" ? cause["reason"] : "";
  const words = inner === "" || own.includes(inner) ? own : `${own}: ${inner}`;
  return { type: typeof type === "string" ? quotable(type) : "", reason: quotable(words) };
}

/** The error of a request that failed whole. A gateway's HTML has none; AWS says `message` or `Message`. */
export function readRequestError(body: Buffer): ServerError {
  const reply = parseJsonObject(body);
  if (reply === undefined) return { type: "", reason: "" };
  return readError(reply["error"] ?? reply["message"] ?? reply["Message"]);
}

const ALLOW_US = "allow the user to write to the index (and to create it, if it is not made beforehand)";

/** What to do about the errors that only a person can end, by type or by words. */
const ADVICE: readonly (readonly [RegExp, string])[] = [
  [/^index_not_found_exception/, "make it with `millrace setup opensearch`, or correct `index`"],
  [/^index_closed_exception/, "open the index"],
  [/flood.stage|disk usage exceeded|read.only.*allow.delete/i, "the disk is full: free some, or delete old indices"],
  [/^cluster_block_exception/, "the index or the cluster is read-only; lift the block"],
  [/^security_exception/, ALLOW_US],
  [
    /rejected_execution_exception|^circuit_breaking_exception/,
    "the cluster is overloaded; if this lasts, give it more",
  ],
  [
    /^unavailable_shards_exception|no_shard_available|^cluster_manager_not|^master_not/,
    "a part of the cluster is down",
  ],
  [/no write index is defined/, "the alias needs a write index"],
  [/maximum (normal )?shards open/, "the cluster has as many shards as it may; delete indices or raise the limit"],
  [/ID is not supported/i, "set documentId: none"],
];

/** An error for a person: type, what to do about it if we know, and the server's words. */
export function inWords(error: ServerError): string {
  const parts = [error.type === "" ? "unknown error" : error.type];
  const advice = ADVICE.find(([pattern]) => pattern.test(error.type) || pattern.test(error.reason));
  if (advice !== undefined) parts.push(advice[1]);
  if (error.reason !== "") parts.push(`"${error.reason}"`);
  return parts.join(": ");
}

/** Why a request that was answered with this status failed, in words. */
export function failureInWords(status: number, body: Buffer): string {
  const error = readRequestError(body);
  const told = error.type !== "" || error.reason !== "" ? ` ${inWords(error)}` : "";
  switch (status) {
    case 401:
      return `HTTP 401: user name, password, API key or AWS credentials are missing or wrong${told}`;
    case 403:
      return `HTTP 403: ${error.type === "" ? ALLOW_US : "not allowed"}${told}`;
    default:
      return `HTTP ${status}${told}`;
  }
}
