import type { ValidationProblem } from "../../../core/validation.ts";
import { scanMembers } from "../../../core/json-scan.ts";
import type { IncomingBody, IncomingItem } from "../incoming-event.ts";
import { withProblems } from "../with-problems.ts";

/** What CloudEvents 1.0 requires besides `type`, and the native protocol does not. */
const REQUIRED: readonly string[] = ["id", "source", "specversion"];

/** The same events; those without a required attribute are malformed. */
export function* requireAttributes(items: IncomingBody): IncomingBody {
  for (;;) {
    const next = items.next();
    if (next.done === true) return next.value;
    yield next.value && withProblems(next.value, missingIn(next.value));
  }
}

function missingIn(item: IncomingItem): readonly ValidationProblem[] {
  const { raw } = item.kind === "event" ? item.event : item.malformed;
  if (item.kind === "malformed" && !item.malformed.parsed) return [];
  const members = scanMembers(raw, 0, raw.length);
  if (members === undefined) return [];
  const present = new Set<unknown>();
  for (const { keyStart, keyEnd, valueStart } of members) {
    const name: unknown = JSON.parse(raw.toString("utf8", keyStart, keyEnd));
    // Of all values only null begins with an n, and it means absent. The last of a name counts.
    if (raw[valueStart] === 0x6e) present.delete(name);
    else present.add(name);
  }
  return REQUIRED.filter((name) => !present.has(name)).map(missing);
}

function missing(name: string): ValidationProblem {
  const value = name === "specversion" ? '"1.0"' : "a string";
  return {
    code: "required",
    pointer: `/${name}`,
    message: `"${name}" is missing, which CloudEvents requires. In binary mode it is the header ce-${name}. POST /v1/events does without.`,
    expected: value,
  };
}
