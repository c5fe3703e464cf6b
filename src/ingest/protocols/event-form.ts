import { MAX_NAME_BYTES } from "../../core/event.ts";
import type { ValidationProblem } from "../../core/validation.ts";
import { attributeFate, isExtensionName } from "./attributes.ts";
import type { IncomingEvent, IncomingItem } from "./incoming-event.ts";
import { isRfc3339 } from "./rfc3339.ts";

/** Lone surrogates cannot be written in UTF-8, so they would not survive the journal. */
const UNPRINTABLE = /[\p{Cc}\p{Cs}]/u;

/** Further bad members are not listed: the sender has seen enough, and the answer stays small. */
const MAX_PROBLEMS = 20;

const EXAMPLE_TIME = "2026-01-31T12:00:00Z";

/**
 * Reads a parsed JSON object as an event and checks its form: everything that holds
 * for events of every type. An attribute that is null counts as absent (CloudEvents
 * 1.0.2, JSON format, 2.2).
 *
 * @param object what `JSON.parse` made of `raw`; no member of it is assigned anywhere
 *   by name, so that `__proto__` is a name like others
 * @param raw the sender's object, byte for byte
 * @param rawMembers top-level members in `raw`, each repetition counted
 */
export function readEvent(object: Record<string, unknown>, raw: Buffer, rawMembers: number): IncomingItem {
  const problems: ValidationProblem[] = [];
  let id: string | undefined;
  let type: string | undefined;
  let typeSeen = false;
  let time: string | undefined;
  let dataschema: string | undefined;
  let data: unknown;
  let hasBase64 = false;

  const names = Object.keys(object);
  // Who reads the event may take the first of two equal names where we took the last.
  let rewrite = names.length !== rawMembers;
  for (const name of names) {
    const value = object[name];
    if (name === "data") {
      data = value;
      continue;
    }
    if (value === null) rewrite = true;
    switch (name) {
      case "type":
        typeSeen = value !== null;
        type = readName("type", value, problems);
        break;
      case "id":
        id = readName("id", value, problems);
        break;
      case "time":
        time = readTime(value, problems);
        break;
      case "dataschema":
        dataschema = readText(name, value, problems);
        break;
      case "subject":
      case "datacontenttype":
        readText(name, value, problems);
        break;
      case "data_base64":
        hasBase64 = value !== null;
        if (hasBase64 && typeof value !== "string") problems.push(wrongType(name, "a string in base64", value));
        break;
      case "source":
        rewrite = true;
        readText(name, value, problems);
        break;
      case "specversion":
        rewrite = true;
        checkSpecVersion(value, problems);
        break;
      default:
        if (attributeFate(name) === "remove") rewrite = true;
        else if (problems.length < MAX_PROBLEMS) checkExtension(name, value, problems);
    }
  }
  if (!typeSeen) problems.push(missingType());
  if (hasBase64 && data !== undefined) problems.push(twoKindsOfData());
  if (problems.length > 0 || type === undefined) {
    return { kind: "malformed", malformed: { id, problems, raw, parsed: true, inForm: true } };
  }
  const event: IncomingEvent = { id, type, time, dataschema, data, raw, rewrite };
  return { kind: "event", event };
}

/** The problem of a value that stands where an event should. */
export function notAnObject(value: unknown): ValidationProblem {
  const hint = Array.isArray(value) ? " An array of events cannot hold arrays." : "";
  const found = describe(value);
  return {
    code: "type",
    pointer: "",
    message: `An event is a JSON object with at least a "type"; found ${found}.${hint}`,
    expected: "an object",
    found,
  };
}

function readName(name: "id" | "type", value: unknown, problems: ValidationProblem[]): string | undefined {
  if (value === null) return undefined;
  const pointer = `/${name}`;
  if (typeof value !== "string") {
    problems.push(wrongType(name, "a string", value));
    return undefined;
  }
  if (value === "") {
    const hint = name === "id" ? "Leave it out to have one assigned." : `Name what happened, such as "page.viewed".`;
    problems.push({ code: "invalid_attribute", pointer, message: `"${name}" is empty. ${hint}`, found: '""' });
    return undefined;
  }
  // A UTF-16 unit takes at most three bytes, so most names need not be measured.
  const bytes = value.length * 3 <= MAX_NAME_BYTES ? 0 : Buffer.byteLength(value);
  if (bytes > MAX_NAME_BYTES) {
    problems.push({
      code: "invalid_attribute",
      pointer,
      message: `"${name}" is too long: ${bytes} bytes in UTF-8, where at most ${MAX_NAME_BYTES} are allowed.`,
      expected: `at most ${MAX_NAME_BYTES} bytes`,
      found: `${bytes} bytes`,
    });
    return undefined;
  }
  if (UNPRINTABLE.test(value)) {
    problems.push({
      code: "invalid_attribute",
      pointer,
      message: `"${name}" holds a control character or half of a surrogate pair, and may not.`,
      found: describe(value),
    });
    return undefined;
  }
  return value;
}

function readTime(value: unknown, problems: ValidationProblem[]): string | undefined {
  if (value === null) return undefined;
  if (typeof value === "string" && isRfc3339(value)) return value;
  const found = describe(value);
  const hint = typeof value === "number" ? timeHint(value) : `such as "${EXAMPLE_TIME}"`;
  problems.push({
    code: typeof value === "string" ? "invalid_attribute" : "type",
    pointer: "/time",
    message: `"time" must be a string with date, time and offset as in RFC 3339, ${hint}; found ${found}.`,
    expected: "an RFC 3339 time",
    found,
  });
  return undefined;
}

/** Senders that write Unix time get to see their own number as it should be. */
function timeHint(value: number): string {
  // From 1e11 on, seconds would lie after the year 5138: these are milliseconds.
  const date = new Date(Math.abs(value) < 1e11 ? value * 1000 : value);
  return Number.isNaN(date.getTime()) ? `such as "${EXAMPLE_TIME}"` : `here perhaps "${date.toISOString()}"`;
}

function readText(name: string, value: unknown, problems: ValidationProblem[]): string | undefined {
  if (value === null) return undefined;
  if (typeof value !== "string") {
    problems.push(wrongType(name, "a string", value));
    return undefined;
  }
  if (value !== "") return value;
  problems.push({
    code: "invalid_attribute",
    pointer: `/${name}`,
    message: `"${name}" is empty. Leave it out when there is nothing to say.`,
    found: '""',
  });
  return undefined;
}

function checkSpecVersion(value: unknown, problems: ValidationProblem[]): void {
  if (value === null || value === "1.0") return;
  const found = describe(value);
  problems.push({
    code: typeof value === "string" ? "invalid_attribute" : "type",
    pointer: "/specversion",
    message: `"specversion" must be the string "1.0" or be left out; found ${found}.`,
    expected: '"1.0"',
    found,
  });
}

function checkExtension(name: string, value: unknown, problems: ValidationProblem[]): void {
  if (!isExtensionName(name)) {
    problems.push({
      code: "invalid_attribute",
      pointer: pointerTo(name),
      message: `${shorten(name)} is not a name for a top-level member: these have only lower-case letters a-z and digits. Put it inside "data".`,
      expected: "a name of a-z and 0-9",
      found: shorten(name),
    });
    return;
  }
  if (value === null || typeof value === "string" || typeof value === "boolean") return;
  // The integer type of CloudEvents has 32 bits.
  if (typeof value === "number" && value === (value | 0)) return;
  const found = describe(value);
  problems.push({
    code: "invalid_attribute",
    pointer: pointerTo(name),
    message: `${shorten(name)} holds ${found}; top-level members hold a string, a boolean or an integer of 32 bits. Put it inside "data".`,
    expected: "a string, a boolean or an integer of 32 bits",
    found,
  });
}

function missingType(): ValidationProblem {
  return {
    code: "required",
    pointer: "/type",
    message: `"type" is missing. Name what happened, such as "page.viewed".`,
    expected: "a string",
  };
}

function twoKindsOfData(): ValidationProblem {
  return {
    code: "invalid_attribute",
    pointer: "/data_base64",
    message: `An event has "data" or "data_base64", not both.`,
  };
}

function wrongType(name: string, expected: string, value: unknown): ValidationProblem {
  const found = describe(value);
  // A larger integer has lost digits by now.
  const hint = Number.isSafeInteger(value) ? ` Put it in quotes: "${String(value)}".` : "";
  return {
    code: "type",
    pointer: `/${name}`,
    message: `"${name}" must be ${expected}; found ${found}.${hint}`,
    expected,
    found,
  };
}

/** A value in few words, for a message: quoted when it is short, named when it is not. */
function describe(value: unknown): string {
  if (typeof value === "string") return shorten(value);
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" && value !== null ? "an object" : String(value);
}

const MAX_QUOTED_LENGTH = 60;

function shorten(text: string): string {
  return JSON.stringify(text.length <= MAX_QUOTED_LENGTH ? text : `${text.slice(0, MAX_QUOTED_LENGTH)}…`);
}

function pointerTo(name: string): string {
  return `/${name.slice(0, MAX_NAME_BYTES).replaceAll("~", "~0").replaceAll("/", "~1")}`;
}
