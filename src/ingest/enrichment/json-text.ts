import { scanMembers, trimEnd, skipSpace } from "../../core/json-scan.ts";
import { memberName, stringValue } from "../body/member-name.ts";

const QUOTE = 0x22;
const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

/** A value as text: what a string says, and the JSON text of anything else. */
export function valueText(bytes: Buffer, start: number, end: number): string {
  const json = bytes.toString("utf8", start, end);
  return bytes[start] === QUOTE ? stringValue(json) : json;
}

/** The object or array that a string holds as JSON text, as other protocols' attributes do; `undefined` when it holds none. */
export function jsonWithin(bytes: Buffer, start: number, end: number): Buffer | undefined {
  if (bytes[start] !== QUOTE) return undefined;
  return containerIn(Buffer.from(stringValue(bytes.toString("utf8", start, end))));
}

/** As {@link jsonWithin}, of a string that holds its text in base64. */
export function jsonInBase64(bytes: Buffer, start: number, end: number): Buffer | undefined {
  if (bytes[start] !== QUOTE) return undefined;
  return containerIn(Buffer.from(stringValue(bytes.toString("utf8", start, end)), "base64"));
}

function containerIn(text: Buffer): Buffer | undefined {
  const from = skipSpace(text, 0, text.length);
  const first = text[from];
  return first === OPEN_OBJECT || first === OPEN_ARRAY
    ? text.subarray(from, trimEnd(text, from, text.length))
    : undefined;
}

/**
 * The text of the value at the given steps below an object, of members with one name the last;
 * `undefined` when there is none, or null.
 */
export function textAt(object: Buffer, steps: readonly string[]): string | undefined {
  let [start, end] = [0, object.length];
  for (const step of steps) {
    const member = scanMembers(object, start, end)?.findLast((candidate) => memberName(object, candidate) === step);
    if (member === undefined) return undefined;
    start = member.valueStart;
    end = member.valueEnd;
  }
  const text = valueText(object, start, end);
  return text === "null" && object[start] !== QUOTE ? undefined : text;
}
