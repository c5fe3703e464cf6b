import { DecodeError } from "@msgpack/msgpack";
import type { ValidationProblem } from "../../../core/validation.ts";
import { brokenLimit } from "../event-limits.ts";
import type { EventLimits, IncomingBody, IncomingItem } from "../incoming-event.ts";
import { mapValue, type ValueRules } from "../values/map-value.ts";
import { readTime } from "../values/read-time.ts";
import { decodeMsgpack, jsonOf, MsgpackTime } from "./msgpack-value.ts";
import { scanMsgpack } from "./msgpack-scan.ts";
import { malformedItem } from "../malformed-item.ts";
import { tooManyEvents, unreadable } from "../unreadable.ts";

/** `[[time, metadata], record]`: what is around a record. */
const ENVELOPE_LEVELS = 2;

/** Times by which Fluent Bit marks where a group of records begins and ends, in seconds. */
const GROUP_START = -1;
const GROUP_END = -2;

/** A record with so many times the members that are allowed is refused alone; one with more, with all of its request. */
const MEMBERS_LOOKED_THROUGH = 10;

/** Marks of groups are no events, after which others get their turn: so after so many bytes of them. */
const MARK_BYTES_A_TURN = 64 * 1024;

/** What a group's records share is written into each, so a long one would fill the journal. */
const MAX_GROUP_CHARS = 4096;

type Members = Readonly<Record<string, unknown>>;

/** One value of a body: a record, or the mark of a group, which says what its records share. */
interface Entry {
  readonly time: unknown;
  readonly metadata: Members;
  readonly record: Members;
}

/**
 * Reads records as Fluent Bit and Fluentd send them in MessagePack: one after another, each
 * `[[time, metadata], record]`, `[time, record]` or the record alone.
 */
export function* readMsgpack(body: Buffer, limits: EventLimits, rules: ValueRules): IncomingBody {
  if (body.length === 0) return unreadable("empty_body", "The body is empty; send a record or several.");
  let group: string | undefined;
  let index = 0;
  let values = 0;
  let markBytes = 0;
  for (let at = 0; at < body.length;) {
    const maxKeys = MEMBERS_LOOKED_THROUGH * limits.maxJsonKeys;
    const scanned = scanMsgpack(body, at, body.length, limits.maxJsonDepth + ENVELOPE_LEVELS, maxKeys);
    if (scanned === undefined) {
      const detail = `The value at offset ${at} is not MessagePack, is cut off, or has more than ${maxKeys} members and elements. Send whole records, one after another.`;
      return unreadable("invalid_msgpack", detail);
    }
    // Marks of groups count too: reading them takes time.
    if (values++ === limits.maxEventsPerRequest) {
      return tooManyEvents(limits);
    }
    const raw = body.subarray(at, scanned.end);
    at = scanned.end;
    const read = brokenLimit({ ...scanned, depth: scanned.depth - ENVELOPE_LEVELS }, limits) ?? readEntry(raw);
    const mark = "record" in read ? markOf(read.time) : undefined;
    if (!("record" in read)) yield malformedItem(raw, read, false);
    else if (mark === GROUP_START) group = groupOf(read);
    else if (mark === GROUP_END) group = undefined;
    else yield itemOf(read, group, index, rules, limits);
    if (mark === undefined) index++;
    else if ((markBytes += raw.length) > MARK_BYTES_A_TURN) {
      markBytes = 0;
      yield undefined;
    }
  }
  return index === 0 ? unreadable("no_events", "The body holds no records, only marks of groups.") : undefined;
}

function readEntry(raw: Buffer): Entry | ValidationProblem {
  let value: unknown;
  try {
    value = decodeMsgpack(raw);
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error;
    return badRecord(`The record cannot be read: ${error.message}.`);
  }
  if (isMembers(value)) return { time: undefined, metadata: {}, record: value };
  if (Array.isArray(value) && value.length === 2) {
    const [head, record]: unknown[] = value;
    const [time, metadata = {}]: unknown[] = Array.isArray(head) && head.length <= 2 ? head : [head];
    if (isMembers(record) && isMembers(metadata)) return { time, metadata, record };
  }
  return badRecord("A record in MessagePack is a map, [time, map] or [[time, metadata], map].");
}

/** Excludes what stands for times, binary and extensions. */
function isMembers(value: unknown): value is Members {
  return typeof value === "object" && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function markOf(time: unknown): number | undefined {
  // Anything may stand where the time should, also what cannot be made a number of.
  const isNumber = typeof time === "number" || typeof time === "bigint";
  const seconds = time instanceof MsgpackTime ? time.seconds : isNumber ? Number(time) : undefined;
  return seconds === GROUP_START || seconds === GROUP_END ? seconds : undefined;
}

function groupOf({ metadata, record }: Entry): string | undefined {
  const json = jsonOf({ metadata, attributes: record });
  return json.length <= MAX_GROUP_CHARS ? json : undefined;
}

function itemOf(
  { time, metadata, record }: Entry,
  group: string | undefined,
  index: number,
  rules: ValueRules,
  limits: EventLimits,
): IncomingItem {
  const around: string[] = [];
  if (Object.keys(metadata).length > 0) around.push(`"metadata":${jsonOf(metadata)}`);
  if (group !== undefined) around.push(`"group":${group}`);
  const logs = around.length === 0 ? undefined : `{${around.join(",")}}`;
  return mapValue(Buffer.from(jsonOf(record)), index, rules, limits, { time: timeText(time), attributes: { logs } });
}

function timeText(time: unknown): string | undefined {
  if (time instanceof MsgpackTime) return time.text;
  return typeof time === "number" || typeof time === "bigint" || typeof time === "string"
    ? readTime(String(time))
    : undefined;
}

function badRecord(message: string): ValidationProblem {
  return { code: "type", pointer: "", message };
}
