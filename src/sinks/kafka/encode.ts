import type { CollectedEvent } from "../../core/event.ts";
import { type KeyChoice, keyChoice, MAX_KEY_BYTES, recordKey } from "./record-key.ts";
import type { KafkaConfig } from "./config.ts";
import { varintBytes, writeVarint } from "./varint.ts";

/** What a batch of records has beside them: `DefaultRecordBatch.RECORD_BATCH_OVERHEAD` of Apache Kafka. */
export const BATCH_OVERHEAD_BYTES = 61;

/**
 * Most bytes of a record beside key, value and headers: attributes (1) and varints for its length (5),
 * time (10) and place (5) in the batch, and lengths of key and value (5 each).
 */
const RECORD_OVERHEAD_BYTES = 31;

const STRUCTURED = encodedHeader("content-type", "application/cloudevents+json; charset=UTF-8");
const CE_ID = encodedName("ce_id");
const CE_TYPE = encodedName("ce_type");
const CE_SOURCE = encodedName("ce_source");

/** Number of headers, and all of them but the values that differ. Those have at most 255 bytes, so two for the length. */
const HEADERS_BYTES = 1 + STRUCTURED.length + CE_ID.length + CE_TYPE.length + CE_SOURCE.length + 3 * 2;

/** A record of a topic, of which the place is not known yet. */
export interface KafkaRecord {
  readonly topic: string;
  readonly key: Buffer | undefined;
  readonly value: Buffer;
  /** Number of headers and the headers, encoded. */
  readonly headers: Buffer;
  readonly timestampMs: number;
}

/** How events become records. The value of each is the event's bytes. */
export class RecordEncoder {
  readonly #choice: KeyChoice;
  readonly #withHeaders: boolean;

  constructor(config: Pick<KafkaConfig, "key" | "headers">) {
    this.#choice = keyChoice(config.key);
    this.#withHeaders = config.headers === "cloudevents";
  }

  /** Never less than the record takes before compression. A key out of the event is counted at its longest, so that it is not parsed for it. */
  recordBytes(event: CollectedEvent): number {
    let bytes = RECORD_OVERHEAD_BYTES + event.bytes.length;
    if (this.#choice.kind === "id") bytes += Buffer.byteLength(event.id);
    else if (this.#choice.kind === "pointer") bytes += MAX_KEY_BYTES;
    if (!this.#withHeaders) return bytes + NO_HEADERS.length;
    return (
      bytes +
      HEADERS_BYTES +
      Buffer.byteLength(event.id) +
      Buffer.byteLength(event.type) +
      Buffer.byteLength(event.source)
    );
  }

  record(event: CollectedEvent, topic: string): KafkaRecord {
    return {
      topic,
      key: recordKey(event, this.#choice),
      value: event.bytes,
      headers: this.#withHeaders ? headersOf(event) : NO_HEADERS,
      timestampMs: event.receivedMs,
    };
  }
}

const NO_HEADERS = Buffer.from([0]);

function headersOf({ id, type, source }: CollectedEvent): Buffer {
  const most = HEADERS_BYTES + 3 * (id.length + type.length + source.length);
  const target = Buffer.allocUnsafe(most);
  let at = writeVarint(target, 0, 4);
  at += STRUCTURED.copy(target, at);
  at = writeHeader(target, at, CE_ID, id);
  at = writeHeader(target, at, CE_TYPE, type);
  at = writeHeader(target, at, CE_SOURCE, source);
  return target.subarray(0, at);
}

function writeHeader(target: Buffer, at: number, name: Buffer, value: string): number {
  const behindName = at + name.copy(target, at);
  const behindLength = writeVarint(target, behindName, Buffer.byteLength(value));
  return behindLength + target.write(value, behindLength);
}

function encodedName(name: string): Buffer {
  const target = Buffer.alloc(varintBytes(name.length) + name.length);
  target.write(name, writeVarint(target, 0, name.length));
  return target;
}

function encodedHeader(name: string, value: string): Buffer {
  return Buffer.concat([encodedName(name), encodedName(value)]);
}

/** At least the bytes that a record takes in a batch, before compression. */
export function encodedBytes({ key, value, headers }: KafkaRecord): number {
  return RECORD_OVERHEAD_BYTES + value.length + (key?.length ?? 0) + headers.length;
}
