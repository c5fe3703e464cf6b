import { decodePercent } from "../query.ts";
import type { UnreadableBody } from "./incoming-event.ts";

/** Parameters of the collector itself, which are no part of an event. */
const OURS: ReadonlySet<string> = new Set(["key", "ack", "validate"]);

/**
 * The parameters of a request target that holds an event, decoded, in their order, without the
 * collector's own. A plus stands for a space, as forms write it.
 */
export function urlParameters(target: string): ReadonlyMap<string, string> | UnreadableBody {
  const parameters = new Map<string, string>();
  const mark = target.indexOf("?");
  if (mark < 0) return parameters;
  for (const part of target.slice(mark + 1).split("&")) {
    if (part === "") continue;
    const equals = part.indexOf("=");
    const name = decode(equals < 0 ? part : part.slice(0, equals));
    const value = equals < 0 ? "" : decode(part.slice(equals + 1));
    if (name === undefined || value === undefined) {
      const detail = "A query parameter is not percent-encoded UTF-8. Encode it as encodeURIComponent does.";
      return { kind: "unreadable", code: "url_invalid", detail };
    }
    if (OURS.has(name)) continue;
    if (parameters.has(name)) {
      const shown = JSON.stringify(name.slice(0, 60));
      const detail = `The query parameter ${shown} is given twice. Give it once.`;
      return { kind: "unreadable", code: "query_invalid", detail };
    }
    parameters.set(name, value);
  }
  return parameters;
}

function decode(text: string): string | undefined {
  return decodePercent(text.includes("+") ? text.replaceAll("+", " ") : text);
}
