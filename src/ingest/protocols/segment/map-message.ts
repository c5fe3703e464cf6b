import assert from "node:assert/strict";
import type { ValidationProblem } from "../../../core/validation.ts";
import { scanMembers } from "../../../core/json-scan.ts";
import type { EventLimits, IncomingItem } from "../incoming-event.ts";
import { mappedItem } from "../mapped-event.ts";
import { correctedTime } from "./segment-time.ts";
import { malformedItem } from "../malformed-item.ts";

/** The calls of Segment's API, each with the member of its message that is its payload. */
const PAYLOADS = {
  alias: undefined,
  group: "traits",
  identify: "traits",
  page: "properties",
  screen: "properties",
  track: "properties",
} as const;

export type SegmentCall = keyof typeof PAYLOADS;

/** What is said once for all messages of a batch. */
export interface Envelope {
  readonly sentAt?: unknown;
  /** Its members but for the messages and the write key, as the JSON text of an object; `undefined` when there are no others. */
  readonly rest?: string | undefined;
}

/** What an event's attributes are called in a message. */
const THEIR_NAMES: ReadonlyMap<string, string> = new Map([
  ["id", "messageId"],
  ["type", "event"],
  ["time", "timestamp"],
]);

/**
 * Makes an event of one of Segment's messages. A track is an event of the type that it names, any
 * other call one of its own name. `properties` or `traits` are the data, byte for byte. All else
 * goes into the attribute `segment`, byte for byte too, but for the write key: it is a secret, and
 * the event's source says the same.
 *
 * @param raw the message
 * @param message what `JSON.parse` made of it
 * @param callOfPath `undefined` in a batch, where each message says what it is
 */
export function mapMessage(
  raw: Buffer,
  message: Readonly<Record<string, unknown>>,
  callOfPath: SegmentCall | undefined,
  envelope: Envelope,
  receivedMs: number,
  limits: EventLimits,
): IncomingItem {
  const call = callOfPath ?? message["type"];
  if (!isCall(call)) return malformedItem(raw, unknownCall(call));
  const problem = misplaced(message, call);
  if (problem !== undefined) return malformedItem(raw, problem);

  // What is taken out of it has its place elsewhere.
  const left = membersOf(raw);
  left.delete("type");
  left.delete("writeKey");
  const id = message["messageId"] ?? undefined;
  if (id !== undefined) left.delete("messageId");
  if (call === "track") left.delete("event");
  const payload = PAYLOADS[call];
  const data = payload && left.get(payload);
  if (payload !== undefined) left.delete(payload);
  const userid = takeName(left, "userId", message["userId"]);
  const anonymousid = takeName(left, "anonymousId", message["anonymousId"]);

  const { originalTimestamp, timestamp, sentAt } = message;
  const item = mappedItem(
    {
      id,
      type: call === "track" ? message["event"] : call,
      time: correctedTime({ originalTimestamp, timestamp, sentAt: sentAt ?? envelope.sentAt }, receivedMs),
      attributes: { userid, anonymousid, segment: restOf(call, left, envelope) },
      data,
    },
    limits,
  );
  return inTheirWords(item);
}

function isCall(value: unknown): value is SegmentCall {
  return typeof value === "string" && Object.hasOwn(PAYLOADS, value);
}

/** What makes a message another one than its path says. */
function misplaced(message: Readonly<Record<string, unknown>>, call: SegmentCall): ValidationProblem | undefined {
  if (Object.hasOwn(message, "batch")) {
    const text = 'A message has no "batch". Send batches to /v1/batch, and none within another.';
    return { code: "invalid_attribute", pointer: "/batch", message: text };
  }
  const type = message["type"] ?? call;
  if (type === call) return undefined;
  const text = `"type" is ${shorten(type)}, where the path takes "${call}". Leave it out, or send the message to the path of its type.`;
  return { code: "invalid_attribute", pointer: "/type", message: text, expected: call, found: shorten(type) };
}

function unknownCall(type: unknown): ValidationProblem {
  const expected = Object.keys(PAYLOADS).join(", ");
  const pointer = "/type";
  if (type === undefined || type === null) {
    const message = `"type" is missing. Say what the message is: ${expected}.`;
    return { code: "required", pointer, message, expected };
  }
  const found = shorten(type);
  const message = `"type" must be one of ${expected}; found ${found}.`;
  return { code: "invalid_attribute", pointer, message, expected, found };
}

/** Enough of a value to recognise it. */
function shorten(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value.slice(0, 60)) : typeof value;
}

/** The values of a message by their names, each as it was sent. Of equal names the last counts, as in `JSON.parse`. */
function membersOf(raw: Buffer): Map<string, Buffer> {
  const members = scanMembers(raw, 0, raw.length);
  assert(members !== undefined, "only what parses as an object is mapped");
  return new Map(
    members.map(({ keyStart, keyEnd, valueStart, valueEnd }) => [
      String(JSON.parse(raw.toString("utf8", keyStart, keyEnd))),
      raw.subarray(valueStart, valueEnd),
    ]),
  );
}

/** The name of someone, to filter by. A number is one as it was written, and is kept as a number too. */
function takeName(left: Map<string, Buffer>, member: string, value: unknown): string | undefined {
  if (typeof value === "number") return left.get(member)?.toString("utf8");
  if (typeof value !== "string" || value === "") return undefined;
  left.delete(member);
  return value;
}

/** The JSON text of the attribute `segment`: what call it was, what the batch says, and what is left of the message. */
function restOf(call: SegmentCall, left: ReadonlyMap<string, Buffer>, { rest }: Envelope): string {
  const members = [`"type":"${call}"`];
  if (rest !== undefined) members.push(`"batch":${rest}`);
  for (const [name, value] of left) members.push(`${JSON.stringify(name)}:${value.toString("utf8")}`);
  return `{${members.join(",")}}`;
}

/** Tells the problems of an event's form by the names that the sender knows. */
function inTheirWords(item: IncomingItem): IncomingItem {
  if (item.kind === "event") return item;
  const problems = item.malformed.problems.map((problem) => {
    const ours = problem.pointer.slice(1);
    const theirs = THEIR_NAMES.get(ours);
    if (theirs === undefined) return problem;
    return { ...problem, pointer: `/${theirs}`, message: problem.message.replace(`"${ours}"`, `"${theirs}"`) };
  });
  return { kind: "malformed", malformed: { ...item.malformed, problems } };
}
