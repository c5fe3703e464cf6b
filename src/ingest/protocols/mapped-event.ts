import { scanValue } from "../../core/json-scan.ts";
import { readEvent } from "./event-form.ts";
import type { EventLimits, IncomingItem } from "./incoming-event.ts";
import { brokenLimit } from "./event-limits.ts";

/** What another protocol's event is in ours. What is `undefined` is left out, and what is not as it should be is told. */
export interface MappedEvent {
  readonly id?: unknown;
  readonly type: unknown;
  /** RFC 3339. */
  readonly time?: unknown;
  readonly dataschema?: string | undefined;
  /** Extension attributes and `subject`: names of a-z and 0-9, and strings, booleans and integers of 32 bits. */
  readonly attributes?: Readonly<Record<string, unknown>>;
  /** JSON text as it was sent, which is kept byte for byte, or a value to be printed. */
  readonly data?: unknown;
}

/**
 * Makes an event of what another protocol's message says, so that all that holds for native events
 * holds for it: limits, form, schema, quarantine. Its JSON is made here, once.
 *
 * What has no place in the event goes, as JSON text, into one attribute that has the protocol's
 * name ({@link rest}), so that nothing of a message is lost.
 */
export function mappedItem({ data, attributes, ...named }: MappedEvent, limits: EventLimits): IncomingItem {
  const members: string[] = [];
  // What `JSON.parse` would make of it; without a prototype, so that any name is a member.
  const object: Record<string, unknown> = Object.create(null);
  const add = (name: string, json: string | undefined, value: unknown): void => {
    if (json === undefined) return;
    members.push(`${JSON.stringify(name)}:${json}`);
    object[name] = json === "null" ? null : value;
  };
  for (const [name, value] of Object.entries({ ...named, ...attributes })) add(name, JSON.stringify(value), value);
  const sent = data instanceof Uint8Array ? Buffer.from(data).toString("utf8") : undefined;
  add("data", sent ?? JSON.stringify(data), data);
  const raw = Buffer.from(`{${members.join(",")}}`);
  const scanned = scanValue(raw, 0, raw.length);
  const problem = brokenLimit(scanned, limits);
  if (problem !== undefined) {
    return { kind: "malformed", malformed: { id: undefined, problems: [problem], raw, parsed: false } };
  }
  // Not before its limits are known.
  if (sent !== undefined) object["data"] = JSON.parse(sent);
  return readEvent(object, raw, scanned.ownKeys);
}

/** What of a message has no place in the event, as JSON text for an attribute; `undefined` when nothing is left. */
export function rest(members: Readonly<Record<string, unknown>>): string | undefined {
  const json = JSON.stringify(members);
  return json === "{}" ? undefined : json;
}
