import { hash } from "node:crypto";
import { SOURCE } from "./collector-config.ts";

/** What a sink stored, told apart from everything else it may have stored. */
export interface Sighting {
  /** The event's number; `undefined` for something that no sender of this storm has sent. */
  readonly seq: number | undefined;
  readonly digest: number;
  /** Whether it has the attributes that a collector adds in front of the sender's, as they have to be. */
  readonly attributed: boolean;
  /** The journal slot and the position in it, as the event's `collector` attribute names them. */
  readonly slot: string;
  readonly position: number;
  /** The start of an event that cannot be read, for the report. */
  readonly excerpt?: string;
}

/** An event as a sender makes it. */
export interface ChaosEvent {
  readonly seq: number;
  /** One JSON object. */
  readonly json: string;
  /** Of the bytes between the object's braces, which a collector must keep as they are. */
  readonly digest: number;
}

/** The ids begin with this, so that events of nobody are told from ours. */
const ID_PREFIX = "c4a05000-0000-4000-8000-";
const ID_LENGTH = 36;

const ID_KEY = Buffer.from('"id":"');
/** What the collector writes in front of them. No event brings a time, so each is given one. */
const FRONT = new RegExp(`^\\{"specversion":"1\\.0","source":"${SOURCE}","time":"[-0-9T:.]+Z",$`);
/** What the collector writes behind the sender's members. */
const TAIL_KEY = Buffer.from(',"receivedtime":"');

/** Text that a careless program would not bring back as it was. */
const AWKWARD = [
  String.raw`"zażółć gęślą jaźń"`,
  String.raw`"\u0041\u00e9\ud83d\ude00"`,
  "12345678901234567890123456789",
  "1.0",
  "-0.0",
  "1e-7",
  String.raw`"a\/b\\c\"d"`,
  '"👩‍👩‍👧‍👦"',
  "[ 1,2 , 3 ]",
  '{"a":1,"a":2}',
];

const LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789 ";

/** Makes event number `seq`, of some 200 to 1,200 bytes. */
export function makeEvent(seq: number, random: () => number): ChaosEvent {
  const awkward = AWKWARD[Math.floor(random() * AWKWARD.length)] ?? "null";
  const kind = Math.floor(random() * 8);
  const inner = `"id":"${idOf(seq)}","type":"chaos.sent.${kind}","data":{"n":${seq},"value":${awkward},"text":"${text(random)}"}`;
  return { seq, json: `{${inner}}`, digest: digestOf(Buffer.from(inner)) };
}

/** An event that no collector may take: its type is missing. */
export function makeInvalidEvent(seq: number): string {
  return `{"id":"${idOf(seq)}","data":{"n":${seq}}}`;
}

/** Reads what a sink stored. */
export function sightingOf(stored: Buffer): Sighting {
  const start = stored.indexOf(ID_KEY);
  const end = stored.lastIndexOf(TAIL_KEY);
  const seq =
    start === -1
      ? undefined
      : seqOf(stored.toString("latin1", start + ID_KEY.length, start + ID_KEY.length + ID_LENGTH));
  const place = end === -1 ? null : /"collector":"[^"]*\/([^"/]+)-(\d+)"\}\s*$/.exec(stored.toString("latin1", end));
  if (seq === undefined || place === null || !isJson(stored)) {
    const excerpt = stored.toString("utf8", 0, 200);
    return { seq: undefined, digest: 0, attributed: false, slot: "", position: 0, excerpt };
  }
  return {
    seq,
    digest: digestOf(stored.subarray(start, end)),
    attributed: FRONT.test(stored.toString("latin1", 0, start)),
    slot: place[1] ?? "",
    position: Number(place[2]),
  };
}

/** The id that event number `seq` carries: a UUID with the number in its last part. */
export function idOf(seq: number): string {
  return ID_PREFIX + seq.toString(16).padStart(ID_LENGTH - ID_PREFIX.length, "0");
}

function seqOf(id: string): number | undefined {
  if (!id.startsWith(ID_PREFIX)) return undefined;
  const digits = id.slice(ID_PREFIX.length);
  return /^[0-9a-f]{12}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** The first 48 bits of SHA-256: as much as a number holds, and plenty to notice a changed byte. */
function digestOf(bytes: Uint8Array): number {
  return hash("sha256", bytes, "buffer").readUIntBE(0, 6);
}

function text(random: () => number): string {
  const length = 50 + Math.floor(random() ** 2 * 1_000);
  // A word drawn once and repeated: random enough to tell events apart, and cheap to make.
  let word = "";
  for (let at = 0; at < 23; at++) word += LETTERS[Math.floor(random() * LETTERS.length)];
  return word.repeat(Math.ceil(length / word.length)).slice(0, length);
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString());
    return true;
  } catch {
    return false;
  }
}
