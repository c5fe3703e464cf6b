import assert from "node:assert/strict";
import { type EventRow, TEXT_ATTRIBUTES, TIME_ATTRIBUTES } from "./event-columns.ts";
import { printTime } from "./event-time.ts";
import { MemberScanner } from "./json-scan.ts";

const PLACEHOLDER = /\$([a-z]+)(\d?)/y;

/** The bytes of the event of which this row was made, every one as it was. */
export function rebuildEvent(row: EventRow): Buffer {
  const { envelope, raw } = row;
  if (envelope === null || envelope === undefined) {
    assert(raw !== null && raw !== undefined, "a row has an envelope, or the event itself");
    return Buffer.from(raw);
  }
  const extensions = extensionsOf(row);
  let event = "";
  let copied = 0;
  for (let at = envelope.indexOf("$"); at !== -1; at = envelope.indexOf("$", at)) {
    const inString = endOfStringAround(envelope, copied, at);
    if (inString !== undefined) {
      event += envelope.slice(copied, inString);
      copied = at = inString;
      continue;
    }
    PLACEHOLDER.lastIndex = at;
    const placeholder: RegExpExecArray | null = PLACEHOLDER.exec(envelope);
    const [found = "$", name = "", digits = ""] = placeholder ?? [];
    const value: string | null | undefined =
      name === "extension" ? extensions.next().value : valueOf(row, name, digits);
    assert(value !== undefined && value !== null, `the envelope names ${name}, which has no value`);
    event += envelope.slice(copied, at) + value;
    copied = at += found.length;
  }
  return Buffer.from(event + envelope.slice(copied));
}

/** Where the string ends that begins after `from` and holds `at`; `undefined` if `at` is between strings, as `from` is. */
function endOfStringAround(text: string, from: number, at: number): number | undefined {
  let position = from;
  while (position < at) {
    const start = text.indexOf('"', position);
    if (start === -1 || start > at) return undefined;
    position = start + 1;
    while (position < text.length && text[position] !== '"') position += text[position] === "\\" ? 2 : 1;
    position++;
  }
  return position > at ? position : undefined;
}

function valueOf(row: EventRow, name: string, digits: string): string | null | undefined {
  if (name === "data") return row.data;
  const textName = TEXT_ATTRIBUTES.find((attribute) => attribute === name);
  if (textName !== undefined) return JSON.stringify(row.text[textName] ?? undefined);
  const timeName = TIME_ATTRIBUTES.find((attribute) => attribute === name);
  const micros = timeName === undefined ? undefined : row.times[timeName];
  return micros === null || micros === undefined ? undefined : `"${printTime(micros, Number(digits))}"`;
}

function* extensionsOf({ extensions }: EventRow): Generator<string, undefined> {
  const bytes = Buffer.from(extensions ?? "{}");
  const scanner = new MemberScanner();
  scanner.start(bytes, 0, bytes.length);
  while (scanner.next()) yield bytes.toString("utf8", scanner.keyStart, scanner.valueEnd);
  return undefined;
}
