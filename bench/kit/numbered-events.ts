import { SAMPLE_EVENT_BYTES, sampleEvent } from "../sample-event.ts";

/** What comes before the number in the id of a sample event. */
const ID_PREFIX = "01890a5d-ac96-774b-bcce-";
const ID_START = `"id":"${ID_PREFIX}`;
const DIGITS = 12;

/** Ids are near the start of a record: nothing but short attributes comes before them. */
const SEARCHED_BYTES = 1_024;

/** The collector's own attribute is the last of a record; its node name is at most 63 bytes. */
const COLLECTOR = /"collector":"[^"/]*\/([^"]*)-(\d+)"\}$/;
const COLLECTOR_BYTES = 160;

/** The number of a sample event as a sink got it; `undefined` for any other event. */
export function numberOf(record: Buffer): number | undefined {
  const text = record.toString("latin1", 0, Math.min(record.length, SEARCHED_BYTES));
  const at = text.indexOf(ID_START);
  if (at === -1) return undefined;
  const digits = text.slice(at + ID_START.length, at + ID_START.length + DIGITS);
  return /^[0-9a-f]{12}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** The number in an id; `undefined` when it is not that of a sample event. */
export function numberOfId(id: string): number | undefined {
  const digits = id.slice(ID_PREFIX.length);
  return id.startsWith(ID_PREFIX) && /^[0-9a-f]{12}$/.test(digits) ? Number.parseInt(digits, 16) : undefined;
}

/** Whether a record has the members of the sample event of this number, byte for byte as they were sent. */
export function isIntact(record: Buffer, number: number): boolean {
  return record.includes(sampleEvent(number).slice(1, SAMPLE_EVENT_BYTES - 1));
}

/** Which journal slot a record came from, and its position in it, by the collector's own word. */
export function placeOf(record: Buffer): { readonly slot: string; readonly position: number } | undefined {
  const match = COLLECTOR.exec(record.toString("latin1", Math.max(0, record.length - COLLECTOR_BYTES)));
  return match?.[1] === undefined ? undefined : { slot: match[1], position: Number(match[2]) };
}

/** A body of one event, or an array of several. */
export function bodyOf(numbers: readonly number[]): string {
  const [first] = numbers;
  if (numbers.length === 1 && first !== undefined) return sampleEvent(first);
  return `[${numbers.map((number) => sampleEvent(number)).join(",")}]`;
}
