import { nearestName } from "../core/nearest-name.ts";
import type { Problem } from "./problems.ts";

/**
 * The query parameters that the collector knows, decoded. Others are left alone, since beacons carry
 * cache busters, but for those that look misspelt: `?akc=durable` must not pass for a weaker promise.
 */
export interface Query {
  readonly key: string | undefined;
  readonly ack: string | undefined;
  readonly validate: string | undefined;
  /** What the client reports to have dropped, as it is written; several reports after each other. */
  readonly dropped: string | undefined;
}

const NAMES = ["key", "ack", "validate"] as const;

const NO_QUERY: Query = { key: undefined, ack: undefined, validate: undefined, dropped: undefined };

/**
 * Reads the query of a request target. It makes no `URL`: that would cost more than the rest of admission.
 *
 * @param isPayload whether it holds events too, whose parameters may look like ours; then `dropped` is one of them
 */
export function parseQuery(target: string, isPayload = false): Query | Problem {
  const mark = target.indexOf("?");
  if (mark < 0) return NO_QUERY;
  const found: { -readonly [Name in keyof Query]: Query[Name] } = { ...NO_QUERY };
  let start = mark + 1;
  while (start < target.length) {
    const amp = target.indexOf("&", start);
    const end = amp < 0 ? target.length : amp;
    const equals = target.indexOf("=", start);
    const nameEnd = equals < 0 || equals > end ? end : equals;
    const name = target.slice(start, nameEnd);
    if (name === "key" || name === "ack" || name === "validate") {
      if (found[name] !== undefined) {
        return { code: "query_invalid", detail: `The query parameter ${name} is given twice. Give it once.` };
      }
      const value = decodePercent(target.slice(nameEnd + 1, end));
      if (value === undefined) {
        return {
          code: "url_invalid",
          detail: `The value of the query parameter ${name} is not percent-encoded UTF-8. Encode it as encodeURIComponent does.`,
        };
      }
      found[name] = value;
    } else if (name === "dropped" && !isPayload) {
      // A report must never make events be refused, so it is read only once they are taken, whatever it says.
      const report = target.slice(nameEnd + 1, end);
      found.dropped = found.dropped === undefined ? report : `${found.dropped},${report}`;
    } else if (!isPayload) {
      const meant = nearestName(name, NAMES);
      if (meant !== undefined) {
        const detail = `A query parameter is unknown; did you mean ${meant}? Known are ${NAMES.join(", ")}.`;
        return { code: "query_invalid", detail };
      }
    }
    start = end + 1;
  }
  return found;
}

/** Undoes percent-encoding; `undefined` when it is broken. */
export function decodePercent(text: string): string | undefined {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
