import { pointerSteps } from "../core/event-value.ts";
import { type CASTS, type EditOperation, type EditRule } from "./edit-rules.ts";
import type { StoredEvent } from "./event-store.ts";
import { ExactNumber, isJsonObject, type Json, type JsonObject, parseExact, printExact } from "./exact-json.ts";

export type Edited =
  /** No rule is for it, or none found anything to change: the bytes are the same. */
  | { readonly kind: "unchanged" }
  | { readonly kind: "edited"; readonly event: StoredEvent }
  /** A rule could not do what it says; the event is left alone. */
  | { readonly kind: "failed"; readonly reason: string };

/**
 * Applies the rules to an event, in order; each sees what those before it have made. Only an event that is
 * changed is parsed and printed: numbers keep their digits, and white space, the order of names that are
 * numbers, and escapes in strings may change.
 */
export function editEvent(event: StoredEvent, rules: readonly EditRule[]): Edited {
  let edited = event;
  for (const { when, operations } of rules) {
    const verdict = when?.test({ ...edited, position: 0 }) ?? "pass";
    if (verdict === "error") return { kind: "failed", reason: `when has no answer: ${when?.lastError ?? ""}` };
    if (verdict === "drop") continue;
    let root: Json;
    try {
      root = parseExact(edited.bytes.toString("utf8"));
    } catch {
      return { kind: "failed", reason: "the event is not JSON" };
    }
    if (!isJsonObject(root)) return { kind: "failed", reason: "the event is not an object" };
    let changes = 0;
    for (const operation of operations) {
      const done = apply(root, operation);
      if (typeof done === "string") return { kind: "failed", reason: done };
      if (done) changes++;
    }
    if (changes > 0) edited = withBytes(edited, root);
  }
  return edited === event ? { kind: "unchanged" } : { kind: "edited", event: edited };
}

function withBytes(event: StoredEvent, root: JsonObject): StoredEvent {
  const { id, type } = root;
  return {
    ...event,
    id: typeof id === "string" ? id : event.id,
    type: typeof type === "string" ? type : event.type,
    bytes: Buffer.from(printExact(root)),
  };
}

/** Whether it changed anything; or why it cannot be done. */
function apply(root: JsonObject, operation: EditOperation): boolean | string {
  if ("rename" in operation) {
    const value = read(root, operation.rename);
    if (value === undefined || operation.rename === operation.to) return false;
    if (operation.to.startsWith(`${operation.rename}/`)) return `${operation.rename} cannot be moved into itself`;
    remove(root, operation.rename);
    return write(root, operation.to, value);
  }
  if ("cast" in operation) {
    const value = read(root, operation.cast);
    if (value === undefined) return false;
    const cast = castTo(operation.to, value);
    if (cast === undefined) return `${operation.cast} cannot be made a ${operation.to}`;
    return same(cast, value) ? false : write(root, operation.cast, cast);
  }
  if ("default" in operation) {
    const value = read(root, operation.default) ?? null;
    return value === null && write(root, operation.default, structuredClone(operation.value));
  }
  if ("set" in operation) {
    const value = read(root, operation.set);
    if (value !== undefined && same(value, operation.value)) return false;
    return write(root, operation.set, structuredClone(operation.value));
  }
  return remove(root, operation.remove);
}

function childOf(parent: Json | undefined, name: string): Json | undefined {
  if (Array.isArray(parent)) return /^(0|[1-9]\d*)$/.test(name) ? parent[Number(name)] : undefined;
  return isJsonObject(parent) && Object.hasOwn(parent, name) ? parent[name] : undefined;
}

function read(root: Json, pointer: string): Json | undefined {
  let at: Json | undefined = root;
  for (const name of pointerSteps(pointer)) at = childOf(at, name);
  return at;
}

/** Makes the objects on the way. Never goes through what is there and is no object or array, nor beyond an array's end. */
function write(root: JsonObject, pointer: string, value: Json): true | string {
  const names = [...pointerSteps(pointer)];
  const last = names.pop() ?? "";
  let at: Json = root;
  for (const name of names) {
    let next: Json | undefined = childOf(at, name);
    if (next === undefined) {
      next = {};
      if (!put(at, name, next)) return `${pointer} leads through what is no object`;
    }
    at = next;
  }
  return put(at, last, value) ? true : `${pointer} leads through what is no object`;
}

function put(parent: Json, name: string, value: Json): boolean {
  if (Array.isArray(parent)) {
    if (!/^(0|[1-9]\d*)$/.test(name) || Number(name) > parent.length) return false;
    parent[Number(name)] = value;
    return true;
  }
  if (!isJsonObject(parent)) return false;
  // Not by assignment: `__proto__` is a name like others.
  Object.defineProperty(parent, name, { value, writable: true, enumerable: true, configurable: true });
  return true;
}

function remove(root: JsonObject, pointer: string): boolean {
  const names = [...pointerSteps(pointer)];
  const last = names.pop() ?? "";
  let at: Json | undefined = root;
  for (const name of names) at = childOf(at, name);
  if (childOf(at, last) === undefined) return false;
  if (Array.isArray(at)) at.splice(Number(last), 1);
  else if (isJsonObject(at)) delete at[last];
  return true;
}

const JSON_NUMBER = /^-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?$/;

/** From 1e11 on, seconds would lie after the year 5138: these are milliseconds. */
const LARGEST_SECONDS = 1e11;

/** `undefined` when the value does not say anything of that type. */
function castTo(to: (typeof CASTS)[number], value: Json): Json | undefined {
  const text = value instanceof ExactNumber ? value.text : typeof value === "object" ? undefined : String(value).trim();
  if (text === undefined) return undefined;
  switch (to) {
    case "string":
      return typeof value === "string" ? value : text;
    case "number":
    case "integer": {
      if (typeof value === "boolean" || !JSON_NUMBER.test(text)) return undefined;
      const number = String(Number(text)) === text ? Number(text) : new ExactNumber(text);
      return to === "number" || Number.isInteger(Number(text)) ? number : undefined;
    }
    case "boolean":
      if (/^(true|1|yes|on)$/i.test(text)) return true;
      return /^(false|0|no|off)$/i.test(text) ? false : undefined;
    case "timestamp": {
      if (typeof value === "boolean") return undefined;
      const number = JSON_NUMBER.test(text) ? Number(text) : undefined;
      const ms = number === undefined ? Date.parse(text) : Math.abs(number) < LARGEST_SECONDS ? number * 1000 : number;
      const date = new Date(ms);
      if (Number.isNaN(date.getTime())) return undefined;
      // What is one already may be more exact than milliseconds.
      return typeof value === "string" && /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)$/.test(text)
        ? value
        : date.toISOString();
    }
  }
}

function same(a: Json, b: Json): boolean {
  return typeof a === typeof b && printExact(a) === printExact(b);
}
