import { entryError, type ErrorKnowledge, inWords, readFailedCall, unusableReply } from "../../aws/failed-call.ts";
import { readServiceError } from "../../aws/service-error.ts";
import type { Fate, Receipt } from "../../core/sink.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import { confirmsAll } from "./confirmation.ts";

/** The service's word that a request can never succeed as it is. */
const REFUSALS = new Set(["ValidationException", "InvalidArgumentException", "SerializationException"]);

/** A refusal in these words is about the configured stream, not about the events: nothing should be dead-lettered. */
const BLAMES_STREAM = /\bstream ?(name|arn|id)\b/i;
const BLAMES_RECORDS = /\brecords?\b/i;

const ALLOW_US = "allow kinesis:PutRecords and kinesis:DescribeStreamSummary on the stream to the collector's role";

/** What is known of the errors of Kinesis Data Streams. */
export const KINESIS_ERRORS: ErrorKnowledge = {
  advice: {
    ProvisionedThroughputExceededException: "a shard is at its limit; if this lasts, add shards or use on-demand mode",
    LimitExceededException: "too many requests of this kind in the account",
    ResourceNotFoundException: "there is no such stream; create it, or correct `stream` and `region`",
    AccessDeniedException: ALLOW_US,
    AccessDenied: ALLOW_US,
    KMSAccessDeniedException: "allow kms:GenerateDataKey on the stream's key to the collector's role",
    UnknownOperationException: "the endpoint does not speak Kinesis; correct `endpoint`",
  },
  refusesEvents: ({ code, message }) =>
    REFUSALS.has(code ?? "") && (!BLAMES_STREAM.test(message) || BLAMES_RECORDS.test(message)),
};

const DELIVERED: Fate = { kind: "delivered" };

/**
 * Reads the reply to a PutRecords call.
 *
 * Delivered is only what the reply confirms record by record, on a 200 that holds
 * together. Rejected is only what the service says no repetition can mend; it says so
 * of whole requests, never of single records. Everything else may be sent again: a
 * duplicate can be told by its id, a lost event is gone. That includes a missing stream
 * and missing rights, where an operator's slip must not dead-letter every event.
 *
 * @param records how many records the call had
 * @param recordOf for each event of the batch the index of its record
 */
export function readPutRecordsReply(status: number, body: Buffer, records: number, recordOf: Uint16Array): Receipt {
  if (status !== 200) return readFailedCall(status, readServiceError(body), KINESIS_ERRORS);
  if (confirmsAll(body, records)) return { kind: "delivered" };
  const reply = parseJsonObject(body);
  const entries = reply?.["Records"];
  if (reply === undefined || !Array.isArray(entries)) return unusableReply("is not a PutRecords reply");
  if (entries.length !== records) return unusableReply(`tells of ${entries.length} records, not ${records}`);

  let failed = 0;
  const fates: Fate[] = [];
  for (const entry of entries) {
    const fate = fateOfEntry(entry);
    if (fate.kind !== "delivered") failed++;
    fates.push(fate);
  }
  const declared = reply["FailedRecordCount"] ?? failed;
  if (declared !== failed) return unusableReply(`lists ${failed} failures and does not count as many`);
  if (failed === 0) return { kind: "delivered" };
  return { kind: "partial", fates: Array.from(recordOf, (record) => fates[record] ?? UNTOLD) };
}

const UNTOLD: Fate = { kind: "retryable", reason: "the reply does not confirm the record" };

function fateOfEntry(entry: unknown): Fate {
  if (!isObject(entry)) return UNTOLD;
  const { SequenceNumber: sequence } = entry;
  const error = entryError(entry, "ErrorCode", "ErrorMessage");
  if (error?.code !== undefined) return { kind: "retryable", reason: inWords(error, KINESIS_ERRORS.advice) };
  return error === undefined && typeof sequence === "string" && sequence !== "" ? DELIVERED : UNTOLD;
}
