import { isUtf8 } from "node:buffer";
import type { ValidationProblem } from "../../../core/validation.ts";
import { scanValue, trimEnd } from "../../../core/json-scan.ts";
import { brokenLimit } from "../event-limits.ts";
import type { EventLimits } from "../incoming-event.ts";
import { essenceOf } from "../media-type.ts";
import { explainJson, explainUtf8 } from "../text-fault.ts";
import { textStart } from "../text-start.ts";

/** What the body of a request in binary mode is in an event. */
interface BinaryData {
  /** JSON text as it was sent, or a string. */
  readonly data?: Buffer | string;
  readonly base64?: string;
  /** Why it is not what its media type says. It is kept all the same, for the quarantine. */
  readonly problem?: ValidationProblem;
}

const CHARSET = /;\s*charset\s*=\s*"?([^\s;"]+)/i;

/**
 * The data that a body is: JSON as it was sent, text as a string, anything else in base64. A body
 * without a media type is JSON if it reads as JSON, since that is what the JSON format implies for
 * data without one.
 */
export function binaryData(body: Buffer, mediaType: string, limits: EventLimits): BinaryData {
  if (body.length === 0) return {};
  const essence = essenceOf(mediaType);
  if (isJsonType(essence)) return jsonData(body, limits);
  if (essence === "") {
    const json = jsonData(body, limits);
    return json.problem === undefined ? json : { base64: body.toString("base64") };
  }
  const text = essence.startsWith("text/") ? decodeText(body, CHARSET.exec(mediaType)?.[1]) : undefined;
  return text === undefined ? { base64: body.toString("base64") } : { data: text };
}

function isJsonType(essence: string): boolean {
  return essence === "application/json" || essence === "text/json" || essence.endsWith("+json");
}

function jsonData(body: Buffer, limits: EventLimits): BinaryData {
  if (!isUtf8(body)) {
    const problem = { code: "invalid_utf8", pointer: "/data", message: explainUtf8(body) };
    return { base64: body.toString("base64"), problem };
  }
  const start = textStart(body);
  const end = trimEnd(body, start, body.length);
  const json = body.subarray(start, end);
  const limit = brokenLimit(scanValue(json, 0, json.length), limits);
  if (limit !== undefined) return { data: json.toString("utf8"), problem: limit };
  if (isJson(json)) return { data: json };
  const text = json.toString("utf8");
  const message = `${explainJson(text)} As the Content-Type says, the body must be JSON.`;
  return { data: text, problem: { code: "invalid_json", pointer: "/data", message } };
}

function isJson(text: Buffer): boolean {
  try {
    JSON.parse(text.toString("utf8"));
    return true;
  } catch {
    return false;
  }
}

/** `undefined` when the encoding is not known, or the bytes are not in it: these are kept as they are. */
function decodeText(body: Buffer, charset = "utf-8"): string | undefined {
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(body);
  } catch {
    return undefined;
  }
}
