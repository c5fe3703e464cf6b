import { isUtf8 } from "node:buffer";
import { EnvelopeWriter } from "./envelope-writer.ts";
import { TEXT_ATTRIBUTES, type TextAttribute, TIME_ATTRIBUTES, type TimeAttribute } from "./event-columns.ts";
import { type EventTime, readTime } from "./event-time.ts";
import { MemberScanner } from "./json-scan.ts";
import { hasEscape, type JsonText, readJsonText } from "./json-text.ts";

/** An event's values by column; what it has not is `undefined`. */
export interface SplitEvent {
  /** In the order of `TEXT_ATTRIBUTES`; bytes of UTF-8 where a string would be made for one use only. */
  readonly texts: (string | Uint8Array | undefined)[];
  /** In the order of `TIME_ATTRIBUTES`, in microseconds since 1970. */
  readonly times: (bigint | undefined)[];
  data: Uint8Array | undefined;
  extensions: string | undefined;
  envelope: string | undefined;
  raw: Uint8Array | undefined;
}

type Lifted = TextAttribute | TimeAttribute | "data";

const LIFTED: readonly Lifted[] = [...TEXT_ATTRIBUTES, ...TIME_ATTRIBUTES, "data"];
const EXTENSION = -1;
/** Stays in the envelope, since it is "1.0" in every event. */
const CONSTANT = -2;

const LIFTED_BY_KEY: ReadonlyMap<string, number> = new Map([
  ...LIFTED.map((name, index): [string, number] => [`"${name}"`, index]),
  ['"specversion"', CONSTANT],
]);
const LONGEST_KEY = Math.max(...[...LIFTED_BY_KEY.keys()].map((key) => key.length));
const FIRST_TIME = TEXT_ATTRIBUTES.length;
const DATA = LIFTED.indexOf("data");
/** These differ from event to event: a string of them would be made for one use. */
const UNIQUE: ReadonlySet<number> = new Set([LIFTED.indexOf("id"), LIFTED.indexOf("collector")]);

const PLACEHOLDERS = LIFTED.map((name) => Buffer.from(`$${name}`));
const EXTENSION_PLACEHOLDER = Buffer.from("$extension");
/** By the digits of the second's fraction. */
const TIME_PLACEHOLDERS = TIME_ATTRIBUTES.map((name) =>
  Array.from({ length: 7 }, (_, digits) => Buffer.from(`$${name}${digits}`)),
);

interface Member {
  lifted: number;
  keyStart: number;
  valueStart: number;
  valueEnd: number;
}

/** The last value of an attribute: the next is often the same. */
interface Remembered {
  readonly raw: Uint8Array;
  readonly text: JsonText | undefined;
  readonly time: EventTime | undefined;
}

/**
 * Takes events apart into columns.
 *
 * Invariant: `rebuildEvent` makes an event's bytes again from what comes out, whatever they are. `envelope` is
 * the event with the values that have columns cut out, and so is nearly always the same. A value whose column
 * would not give it back byte for byte (a number where a text belongs, an unusual escape) stays in the envelope
 * too. What is not UTF-8, or no JSON object, is in `raw` as it is.
 */
export class EventSplitter {
  readonly #scanner = new MemberScanner();
  readonly #envelope = new EnvelopeWriter();
  readonly #members: Member[] = [];
  /** By lifted attribute, the number of the last member of that name: the one that counts. */
  readonly #counting = new Int32Array(LIFTED.length);
  readonly #last: (Remembered | undefined)[] = [];

  split(bytes: Buffer): SplitEvent {
    const event: SplitEvent = {
      texts: Array.from<undefined>({ length: TEXT_ATTRIBUTES.length }),
      times: Array.from<undefined>({ length: TIME_ATTRIBUTES.length }),
      data: undefined,
      extensions: undefined,
      envelope: undefined,
      raw: undefined,
    };
    const members = isUtf8(bytes) ? this.#scan(bytes) : undefined;
    if (members === undefined) {
      event.raw = bytes;
      return event;
    }
    this.#take(event, bytes, members);
    return event;
  }

  /** How many of `#members` are the event's; `undefined` if it is no object. */
  #scan(bytes: Buffer): number | undefined {
    this.#counting.fill(-1);
    const scanner = this.#scanner;
    let count = 0;
    scanner.start(bytes, 0, bytes.length);
    for (; scanner.next(); count++) {
      const { keyStart, keyEnd, valueStart, valueEnd } = scanner;
      const isShort = keyEnd - keyStart <= LONGEST_KEY;
      const lifted = (isShort ? LIFTED_BY_KEY.get(bytes.toString("latin1", keyStart, keyEnd)) : undefined) ?? EXTENSION;
      if (lifted >= 0) this.#counting[lifted] = count;
      const member = (this.#members[count] ??= { lifted, keyStart, valueStart, valueEnd });
      member.lifted = lifted;
      member.keyStart = keyStart;
      member.valueStart = valueStart;
      member.valueEnd = valueEnd;
    }
    return scanner.isComplete ? count : undefined;
  }

  #take(event: SplitEvent, bytes: Buffer, count: number): void {
    const envelope = this.#envelope;
    const extensions: string[] = [];
    let copied = 0;
    envelope.start(bytes);
    for (let index = 0; index < count; index++) {
      const member = this.#members[index];
      if (member === undefined) continue;
      if (member.lifted === EXTENSION) {
        extensions.push(bytes.toString("utf8", member.keyStart, member.valueEnd));
        envelope.copy(copied, member.keyStart);
        envelope.put(EXTENSION_PLACEHOLDER);
        copied = member.valueEnd;
        continue;
      }
      if (member.lifted === CONSTANT || this.#counting[member.lifted] !== index) continue;
      const placeholder = this.#lift(event, bytes, member);
      if (placeholder === undefined) continue;
      envelope.copy(copied, member.valueStart);
      envelope.put(placeholder);
      copied = member.valueEnd;
    }
    envelope.copy(copied, bytes.length);
    event.envelope = envelope.finish();
    if (extensions.length > 0) event.extensions = `{${extensions.join(",")}}`;
  }

  /** Puts the value into its column; resolves with what stands for it if the column gives it back. */
  #lift(event: SplitEvent, bytes: Buffer, member: Member): Uint8Array | undefined {
    const { lifted, valueStart, valueEnd } = member;
    const placeholder = PLACEHOLDERS[lifted];
    if (lifted === DATA) {
      event.data = bytes.subarray(valueStart, valueEnd);
      return placeholder;
    }
    if (UNIQUE.has(lifted) && bytes[valueStart] === QUOTE && !hasEscape(bytes, valueStart, valueEnd)) {
      event.texts[lifted] = bytes.subarray(valueStart + 1, valueEnd - 1);
      return placeholder;
    }
    const { text, time } = this.#read(bytes, member);
    if (lifted < FIRST_TIME) {
      event.texts[lifted] = text?.text;
      return text?.isPlain === true ? placeholder : undefined;
    }
    event.times[lifted - FIRST_TIME] = time?.micros;
    return time?.digits === undefined ? undefined : TIME_PLACEHOLDERS[lifted - FIRST_TIME]?.[time.digits];
  }

  #read(bytes: Buffer, { lifted, valueStart, valueEnd }: Member): Remembered {
    const last = this.#last[lifted];
    if (last !== undefined && isSame(last.raw, bytes, valueStart, valueEnd)) return last;
    const text = readJsonText(bytes, valueStart, valueEnd);
    const time = lifted >= FIRST_TIME && text?.isPlain === true ? readTime(text.text) : undefined;
    const read = { raw: Uint8Array.prototype.slice.call(bytes, valueStart, valueEnd), text, time };
    this.#last[lifted] = read;
    return read;
  }
}

const QUOTE = 0x22;

function isSame(raw: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (raw.length !== end - start) return false;
  for (let at = 0; at < raw.length; at++) if (raw[at] !== bytes[start + at]) return false;
  return true;
}
