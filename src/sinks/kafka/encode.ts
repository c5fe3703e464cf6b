import type { MessageRecord } from "@platformatic/kafka";
import type { CollectedEvent } from "../../core/event.ts";
import { type KeyChoice, keyChoice, MAX_KEY_BYTES, recordKey } from "./record-key.ts";
import type { KafkaConfig } from "./config.ts";

/** What a batch of records has beside them: `DefaultRecordBatch.RECORD_BATCH_OVERHEAD` of Apache Kafka. */
export const BATCH_OVERHEAD_BYTES = 61;

/**
 * Most bytes of a record beside key, value and headers: attributes (1) and varints for its length (5),
 * time (10) and place (5) in the batch, lengths of key and value (5 each) and number of headers (5).
 */
const RECORD_OVERHEAD_BYTES = 36;

const CONTENT_TYPE = Buffer.from("content-type");
/** Structured mode of the Kafka protocol binding for CloudEvents. */
const STRUCTURED = Buffer.from("application/cloudevents+json; charset=UTF-8");
const CE_ID = Buffer.from("ce_id");
const CE_TYPE = Buffer.from("ce_type");
const CE_SOURCE = Buffer.from("ce_source");

/** Names and lengths of the headers, and the value of the one that is always the same. */
const HEADERS_BYTES =
  CONTENT_TYPE.length + STRUCTURED.length + CE_ID.length + CE_TYPE.length + CE_SOURCE.length + 8 * 5;

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
    if (!this.#withHeaders) return bytes;
    return (
      bytes +
      HEADERS_BYTES +
      Buffer.byteLength(event.id) +
      Buffer.byteLength(event.type) +
      Buffer.byteLength(event.source)
    );
  }

  record(event: CollectedEvent, topic: string): MessageRecord {
    const key = recordKey(event, this.#choice);
    return {
      topic,
      ...(key && { key }),
      value: event.bytes,
      headers: this.#withHeaders ? headersOf(event) : NO_HEADERS,
      timestamp: BigInt(event.receivedMs),
    };
  }
}

const NO_HEADERS = new Map<Buffer, Buffer>();

function headersOf(event: CollectedEvent): Map<Buffer, Buffer> {
  return new Map([
    [CONTENT_TYPE, STRUCTURED],
    [CE_ID, Buffer.from(event.id)],
    [CE_TYPE, Buffer.from(event.type)],
    [CE_SOURCE, Buffer.from(event.source)],
  ]);
}

/** At least the bytes that a record takes in a batch, before compression. */
export function encodedBytes({ key, value, headers }: MessageRecord): number {
  let bytes = RECORD_OVERHEAD_BYTES + value.length + (key?.length ?? 0);
  for (const [name, header] of headers ?? NO_HEADERS) bytes += name.length + header.length + 2 * 5;
  return bytes;
}
