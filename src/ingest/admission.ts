import type { IncomingHttpHeaders } from "node:http";
import type { EventOptions } from "./event-options.ts";
import type { Problem } from "./problems.ts";
import type { Source, SourceTable } from "./sources.ts";

/** What is to become of a request, and by whose rules. */
export interface Admission {
  readonly source: Source;
  readonly options: EventOptions;
}

const HOW_TO_SEND =
  "Send the source's write key as `Authorization: Bearer KEY`, as the user name of Basic authentication, as `X-Write-Key: KEY`, or as `?key=KEY`.";

// A challenge is owed with every 401 (RFC 9110). Browsers open no password box for Bearer.
const CHALLENGE: readonly string[] = ["WWW-Authenticate", 'Bearer realm="millrace"'];

export const MISSING_KEY: Problem = {
  code: "missing_key",
  detail: `The request carries no write key. ${HOW_TO_SEND}`,
  headers: CHALLENGE,
};

const UNKNOWN_KEY: Problem = {
  code: "unknown_key",
  detail:
    "The write key belongs to no source of this collector. Check it against `sources[].keys` in its configuration.",
  headers: CHALLENGE,
};

export const KEY_CONFLICT: Problem = {
  code: "key_conflict",
  detail:
    "The request carries different write keys in different places, so it cannot be told which source it is from. Send one.",
};

/** The source that a request comes from, told by its write key. */
export function admit(
  headers: IncomingHttpHeaders,
  queryKey: string | undefined,
  table: SourceTable,
): Source | Problem {
  const key = writeKeyOf(headers, queryKey);
  if (key === undefined) return MISSING_KEY;
  return typeof key === "string" ? sourceOfKey(key, table) : key;
}

export function sourceOfKey(key: string, table: SourceTable): Source | Problem {
  return table.byKey(key) ?? UNKNOWN_KEY;
}

/**
 * The write key, from wherever it is. No place goes before another: when several carry
 * one they must agree, since a guess could book the events to the wrong source.
 */
function writeKeyOf(headers: IncomingHttpHeaders, queryKey: string | undefined): string | Problem | undefined {
  let key = headers.authorization === undefined ? undefined : authorizationKey(headers.authorization);
  const headerKey = headers["x-write-key"];
  if (typeof headerKey === "string") {
    if (key !== undefined && key !== headerKey) return KEY_CONFLICT;
    key = headerKey;
  }
  if (queryKey !== undefined) {
    if (key !== undefined && key !== queryKey) return KEY_CONFLICT;
    key = queryKey;
  }
  return key;
}

/** The key in an Authorization header; `undefined` for schemes that carry none, as if it were not there. */
function authorizationKey(authorization: string): string | undefined {
  const space = authorization.indexOf(" ");
  if (space < 0) return undefined;
  const scheme = authorization.slice(0, space).toLowerCase();
  const credentials = authorization.slice(space + 1).trim();
  if (scheme === "bearer") return credentials;
  if (scheme !== "basic") return undefined;
  const [user] = Buffer.from(credentials, "base64").toString("utf8").split(":", 1);
  return user;
}
