import { isUtf8 } from "node:buffer";
import type { ValidationProblem } from "../../core/validation.ts";
import { scanValue, skipSpace, trimEnd } from "../../core/json-scan.ts";
import { brokenLimit } from "./event-limits.ts";
import type { EventLimits } from "./incoming-event.ts";
import { explainJson } from "./text-fault.ts";

/** JSON text that came inside a parameter, without white space around it; or what is wrong with it. */
export type EmbeddedJson = Buffer | ValidationProblem;

/** Reads JSON that a parameter holds as text. Limits count before it is parsed, which is done only to see that it is JSON. */
export function jsonOfText(name: string, text: string, limits: EventLimits): EmbeddedJson {
  return checkedJson(name, Buffer.from(text), limits);
}

/** Reads JSON that a parameter holds in base64 or base64url, padded or not. */
export function jsonOfBase64(name: string, text: string, limits: EventLimits): EmbeddedJson {
  // A plus that was not percent-encoded has been read as a space.
  const bytes = Buffer.from(text.replaceAll(" ", "+"), "base64");
  return isUtf8(bytes) ? checkedJson(name, bytes, limits) : notJson(name, "Read as base64, it is not UTF-8.");
}

function checkedJson(name: string, bytes: Buffer, limits: EventLimits): EmbeddedJson {
  const start = skipSpace(bytes, 0, bytes.length);
  const json = bytes.subarray(start, trimEnd(bytes, start, bytes.length));
  const broken = brokenLimit(scanValue(json, 0, json.length), limits);
  if (broken !== undefined) return broken;
  const text = json.toString("utf8");
  try {
    JSON.parse(text);
    return json;
  } catch {
    return notJson(name, explainJson(text));
  }
}

function notJson(name: string, why: string): ValidationProblem {
  return { code: "invalid_json", pointer: `/${name}`, message: `The parameter "${name}" is not JSON. ${why}` };
}
