import type { CollectedEvent } from "../../core/event.ts";
import type { Batch } from "../../core/sink.ts";
import type { OpensearchConfig } from "./config.ts";
import { findEventTime } from "./event-time.ts";
import type { IndexNames } from "./index-names.ts";

const OPEN_OBJECT = 0x7b;
const LINE_END = 0x0a;
const TIMESTAMP_BYTES = '"@timestamp":"2026-11-27T12:00:00.000Z",'.length;

/** Ids as nearly all are: JSON writes them as they are. */
const PLAIN_ID = /^[\w.:~@/+=-]*$/;

/** Times as nearly all are: the collector has seen that they are in the calendar. */
const IN_MILLISECONDS = /^\d{4}-\d\d-\d\dT\d\d:\d\d:[0-5]\d\.\d{3}Z$/;

/** An offset can lead out of the years that have four digits, and so out of the room that is kept. */
const FIRST_MS = Date.parse("0000-01-01T00:00:00.000Z");
const LAST_MS = Date.parse("9999-12-31T23:59:59.999Z");

/**
 * Makes the body of a `_bulk` request: for each event a line that says `create`, so that what is there
 * already is never changed, and the event with `"@timestamp"` before its first member. The rest of
 * the event are the bytes that the journal has.
 */
export class BulkEncoder {
  readonly #names: IndexNames;
  readonly #withId: boolean;
  readonly #actionBytes: number;

  constructor(config: Pick<OpensearchConfig, "documentId">, names: IndexNames) {
    this.#names = names;
    this.#withId = config.documentId === "id";
    const index = names.single === undefined ? `"_index":"",`.length + names.maxBytes : 0;
    this.#actionBytes = index + (this.#withId ? '{"create":{"_id":}}' : '{"create":{}}').length;
  }

  /** What an event takes in the body, at most. */
  eventBytes(event: CollectedEvent): number {
    return this.#actionBytes + this.#idBytes(event.id) + TIMESTAMP_BYTES + event.bytes.length + 2;
  }

  encode(events: Batch): Buffer {
    let size = 0;
    for (const event of events) size += this.eventBytes(event);
    const body = Buffer.allocUnsafe(size);
    let end = 0;
    for (const event of events) {
      const head = this.#headOf(event);
      end += body.write(head.text, end);
      end += event.bytes.copy(body, end, head.eventStart);
      body[end++] = LINE_END;
    }
    return body.subarray(0, end);
  }

  /** The action's line and the beginning of the document's, and from where on the event's bytes follow. */
  #headOf(event: CollectedEvent): { text: string; eventStart: number } {
    const action = `${this.#actionOf(event)}\n`;
    const { time, hasTimestamp } = findEventTime(event.bytes);
    // A name that is there twice makes the server refuse the document.
    if (hasTimestamp) return { text: action, eventStart: 0 };
    const eventStart = event.bytes.indexOf(OPEN_OBJECT) + 1;
    const isEmpty = event.bytes.length - eventStart < 2;
    return { text: `${action}{"@timestamp":"${timestampOf(time, event.receivedMs)}"${isEmpty ? "" : ","}`, eventStart };
  }

  #actionOf(event: CollectedEvent): string {
    const index = this.#names.single === undefined ? `"_index":"${this.#names.of(event)}"` : "";
    if (!this.#withId) return `{"create":{${index}}}`;
    return `{"create":{${index}${index === "" ? "" : ","}"_id":${jsonOf(event.id)}}}`;
  }

  #idBytes(id: string): number {
    if (!this.#withId) return 0;
    return PLAIN_ID.test(id) ? id.length + 2 : Buffer.byteLength(JSON.stringify(id));
  }
}

function jsonOf(id: string): string {
  return PLAIN_ID.test(id) ? `"${id}"` : JSON.stringify(id);
}

/** When it happened, to the millisecond in UTC; the receipt where the sender's time is none for a server, such as a leap second. */
function timestampOf(time: string | undefined, receivedMs: number): string {
  if (time !== undefined && IN_MILLISECONDS.test(time)) return time;
  const ms = time === undefined ? Number.NaN : Date.parse(time.toUpperCase());
  return new Date(ms >= FIRST_MS && ms <= LAST_MS ? ms : receivedMs).toISOString();
}
