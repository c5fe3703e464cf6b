import { entryError, type ErrorKnowledge, inWords, unusableReply } from "../../aws/failed-call.ts";
import type { Batch, Fate, Receipt } from "../../core/sink.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";

const ALLOW_US =
  "allow firehose:PutRecordBatch and firehose:DescribeDeliveryStream on the stream to the collector's role";

export const FIREHOSE_ERRORS: ErrorKnowledge = {
  advice: {
    ServiceUnavailableException: "the stream is at its limit; if this lasts, ask AWS to raise it",
    ResourceNotFoundException: "there is no such Firehose stream; create it, or correct `stream` and `region`",
    AccessDeniedException: ALLOW_US,
    InvalidKMSResourceException: "the stream's KMS key cannot be used; see its state and policy",
    InvalidSourceException: "the stream's source is not Direct PUT; send to that source instead",
    UnknownOperationException: "the endpoint does not speak Firehose; correct `endpoint`",
  },
  refusesEvents: ({ code, message }) =>
    (code === "InvalidArgumentException" || code === "ValidationException") && /\brecords?\b/i.test(message),
};

const DELIVERED = { kind: "delivered" } as const;
const UNTOLD: Fate = { kind: "retryable", reason: "the reply does not confirm the record" };

/**
 * Reads a reply to PutRecordBatch with status 200. The events of a failed record alone are to be
 * sent again: what the service says of single records is that it could not take them just now.
 *
 * @param records the events of each record, in the order of the call
 */
export function readPutRecordBatchReply(body: Buffer, records: readonly Batch[]): Receipt {
  const reply = parseJsonObject(body);
  const entries = reply?.["RequestResponses"];
  if (reply === undefined || !Array.isArray(entries)) return unusableReply("is not a PutRecordBatch reply");
  if (entries.length !== records.length) {
    return unusableReply(`tells of ${entries.length} records, not ${records.length}`);
  }
  const fates: readonly Fate[] = entries.map(fateOf);
  const failed = fates.filter(({ kind }) => kind !== "delivered").length;
  const declared = reply["FailedPutCount"] ?? failed;
  if (declared !== failed) return unusableReply(`lists ${failed} failures and does not count as many`);
  if (failed === 0) return DELIVERED;
  return { kind: "partial", fates: records.flatMap((events, index) => events.map(() => fates[index] ?? UNTOLD)) };
}

function fateOf(entry: unknown): Fate {
  const error = entryError(entry, "ErrorCode", "ErrorMessage");
  if (error !== undefined) return { kind: "retryable", reason: inWords(error, FIREHOSE_ERRORS.advice) };
  const id = isObject(entry) ? entry["RecordId"] : undefined;
  return typeof id === "string" && id !== "" ? DELIVERED : UNTOLD;
}

/** What is wrong with a Firehose stream, by a reply to DescribeDeliveryStream. */
export function problemsOfStream(body: Buffer): readonly string[] {
  const stream = parseJsonObject(body)?.["DeliveryStreamDescription"];
  if (!isObject(stream)) return ["the reply is not one to DescribeDeliveryStream: correct `endpoint`"];
  const { DeliveryStreamStatus: status, DeliveryStreamType: type } = stream;
  const problems: string[] = [];
  if (status !== "ACTIVE") {
    problems.push(`the Firehose stream is ${String(status)}, not ACTIVE: wait for it, or create it again`);
  }
  if (typeof type === "string" && type !== "DirectPut") {
    problems.push(
      `the Firehose stream takes events from ${type} only: send to that, or create one with source Direct PUT`,
    );
  }
  return problems;
}
