import type { Origins } from "./origins.ts";

/** What a page may read of an answer, beyond what browsers always show. */
const EXPOSED = "Millrace-Receipt, Location, Preference-Applied, Retry-After, WWW-Authenticate";
const METHODS = "POST, GET, HEAD";
/**
 * `X-Retry-Count` is sent by Segment's library with what it sends again, and `SP-Anonymous` by Snowplow's for visitors who
 * are not to be told apart, which the browser would refuse without.
 */
const REQUEST_HEADERS =
  "Authorization, Content-Encoding, Content-Type, Prefer, SP-Anonymous, X-Retry-Count, X-Write-Key";

const ANY_ORIGIN: readonly string[] = ["Access-Control-Allow-Origin", "*", "Access-Control-Expose-Headers", EXPOSED];
const NO_ORIGIN: readonly string[] = ["Vary", "Origin"];

/** True when pages of the origin may send events and read the answers. */
export function allowsOrigin(origins: Origins, origin: string): boolean {
  return origins.any || origins.lists(origin);
}

/**
 * The headers, in pairs, that let a page of the origin read an answer. A listed origin
 * may also send credentials, which `navigator.sendBeacon` always does. `"*"` never
 * allows them: else any page could act with a visitor's cookies.
 */
export function corsHeaders(origins: Origins, origin: string): readonly string[] {
  if (origins.lists(origin)) {
    return [
      "Access-Control-Allow-Origin",
      origin,
      "Access-Control-Allow-Credentials",
      "true",
      "Access-Control-Expose-Headers",
      EXPOSED,
      "Vary",
      "Origin",
    ];
  }
  return origins.any ? ANY_ORIGIN : NO_ORIGIN;
}

/**
 * What the answer to a preflight adds for an allowed origin.
 *
 * @param requested the headers that the page wants to send
 */
export function preflightHeaders(maxAgeSeconds: number, requested = ""): readonly string[] {
  // Each attribute of a CloudEvent in binary mode is a header, and extensions may have any name.
  const attributes = requested.split(/[ ,]+/).filter((name) => /^ce-[a-z0-9]+$/.test(name));
  return [
    "Access-Control-Allow-Methods",
    METHODS,
    "Access-Control-Allow-Headers",
    [REQUEST_HEADERS, ...attributes].join(", "),
    "Access-Control-Max-Age",
    String(maxAgeSeconds),
  ];
}
