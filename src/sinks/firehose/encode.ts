import assert from "node:assert/strict";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits } from "../../core/sink.ts";
import { compress } from "../../formats/compression.ts";
import { encodeNdjson, ndjsonBytes } from "../../formats/ndjson.ts";
import {
  type FirehoseConfig,
  GZIP_OVERHEAD_BYTES,
  MAX_CALL_BYTES,
  MAX_RECORD_BYTES,
  MAX_RECORDS_PER_CALL,
  SAFE_CALL_BYTES,
} from "./config.ts";

/**
 * Most events in a record: Firehose takes no more of them apart again, which dynamic partitioning
 * needs (https://docs.aws.amazon.com/firehose/latest/dev/dynamic-partitioning-multirecord-deaggergation.html).
 */
const MAX_EVENTS_PER_RECORD = 500;

/** A record is billed in steps of so many bytes. */
const BILLED_STEP_BYTES = 5 * 1024;

type PackingSettings = Pick<FirehoseConfig, "recordBytes" | "compression">;

export function firehoseLimits({ batch, compression }: Pick<FirehoseConfig, "batch" | "compression">): BatchLimits {
  const overhead = compression === "none" ? 0 : GZIP_OVERHEAD_BYTES;
  const callBytes = batch.maxBytes <= SAFE_CALL_BYTES ? SAFE_CALL_BYTES : MAX_CALL_BYTES;
  const maxBytes = Math.min(batch.maxBytes, callBytes - MAX_RECORDS_PER_CALL * overhead);
  return { ...batch, maxBytes, maxEventBytes: Math.min(MAX_RECORD_BYTES - overhead, maxBytes) };
}

/** The most an event can take in a record: what cannot be compressed grows by 5 bytes in 16 KB. */
export function lineBytes(event: CollectedEvent, compression: FirehoseConfig["compression"]): number {
  const line = ndjsonBytes(event);
  return compression === "none" ? line : line + Math.ceil(line / 1024);
}

/**
 * Packs events into records, in order: each is filled up to `recordBytes`, rounded down to whole
 * billed steps. An event larger than that has a record to itself.
 *
 * Invariant: never more than 500 records. Two neighbours that were parted for want of room exceed
 * it together, so n bytes make at most 2n / room + 1 records, and at most 100 more are parted by count.
 */
export function packRecords(batch: Batch, { recordBytes, compression }: PackingSettings): CollectedEvent[][] {
  let totalBytes = 0;
  for (const event of batch) totalBytes += lineBytes(event, compression);
  const room = Math.max(
    recordBytes - (recordBytes % BILLED_STEP_BYTES),
    Math.ceil((2 * totalBytes) / (MAX_RECORDS_PER_CALL - 110)),
  );
  const records: CollectedEvent[][] = [];
  let record: CollectedEvent[] = [];
  let left = 0;
  for (const event of batch) {
    const bytes = lineBytes(event, compression);
    if (bytes > left || record.length === MAX_EVENTS_PER_RECORD) {
      record = [];
      records.push(record);
      left = room;
    }
    record.push(event);
    left -= bytes;
  }
  assert(records.length <= MAX_RECORDS_PER_CALL, "a packed batch fits in one call");
  return records;
}

/** The body of a PutRecordBatch call. */
export async function encodeRecords(
  stream: string,
  records: readonly Batch[],
  compression: FirehoseConfig["compression"],
): Promise<Buffer> {
  const datas = await Promise.all(records.map((events) => compress(encodeNdjson(events), compression)));
  const entries = datas.map((data) => `{"Data":"${data.toString("base64")}"}`);
  return Buffer.from(`{"DeliveryStreamName":${JSON.stringify(stream)},"Records":[${entries.join(",")}]}`, "latin1");
}
