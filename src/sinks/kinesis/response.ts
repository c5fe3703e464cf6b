import type { Fate, Receipt } from "../../core/sink.ts";
import { readServiceError, type ServiceError } from "../../aws/service-error.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import { quotable } from "../../outbound/quotable.ts";
import { confirmsAll } from "./confirmation.ts";

/** The service's word that a request can never succeed as it is. */
const REFUSALS = new Set(["ValidationException", "InvalidArgumentException", "SerializationException"]);

/** A refusal in these words is about the configured stream, not about the events: nothing should be dead-lettered. */
const BLAMES_STREAM = /\bstream ?(name|arn|id)\b/i;
const BLAMES_RECORDS = /\brecords?\b/i;

const ALLOW_US = "allow kinesis:PutRecords and kinesis:DescribeStreamSummary on the stream to the collector's role";

/** What to do about the errors that only a person can end. */
const ADVICE: Readonly<Record<string, string>> = {
  ProvisionedThroughputExceededException: "a shard is at its limit; if this lasts, add shards or use on-demand mode",
  LimitExceededException: "too many requests of this kind in the account",
  ResourceNotFoundException: "there is no such stream; create it, or correct `stream` and `region`",
  AccessDeniedException: ALLOW_US,
  AccessDenied: ALLOW_US,
  KMSAccessDeniedException: "allow kms:GenerateDataKey on the stream's key to the collector's role",
  KMSDisabledException: "the stream's KMS key is disabled; enable it",
  KMSInvalidStateException: "the stream's KMS key is not usable in its state",
  KMSNotFoundException: "the stream's KMS key does not exist",
  KMSOptInRequired: "the account has no KMS subscription",
  KMSThrottlingException: "too many KMS calls in the account",
  ExpiredToken: "the AWS credentials have expired; fresh ones are looked up",
  ExpiredTokenException: "the AWS credentials have expired; fresh ones are looked up",
  UnrecognizedClientException: "the AWS credentials are not valid; they are looked up again",
  InvalidSignatureException: "the AWS credentials or the machine's clock are wrong",
  UnknownOperationException: "the endpoint does not speak Kinesis; correct `endpoint`",
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
  if (status !== 200) return readFailure(status, readServiceError(body));
  if (confirmsAll(body, records)) return { kind: "delivered" };
  const reply = parseJsonObject(body);
  const entries = reply?.["Records"];
  if (reply === undefined || !Array.isArray(entries)) return unusable("is not a PutRecords reply");
  if (entries.length !== records) return unusable(`tells of ${entries.length} records, not ${records}`);

  let failed = 0;
  const fates: Fate[] = [];
  for (const entry of entries) {
    const fate = fateOfEntry(entry);
    if (fate.kind !== "delivered") failed++;
    fates.push(fate);
  }
  const declared = reply["FailedRecordCount"] ?? failed;
  if (declared !== failed) return unusable(`lists ${failed} failures and does not count as many`);
  if (failed === 0) return { kind: "delivered" };
  return { kind: "partial", fates: Array.from(recordOf, (record) => fates[record] ?? UNTOLD) };
}

const UNTOLD: Fate = { kind: "retryable", reason: "the reply does not confirm the record" };

function fateOfEntry(entry: unknown): Fate {
  if (!isObject(entry)) return UNTOLD;
  const { SequenceNumber: sequence, ErrorCode: code, ErrorMessage: message } = entry;
  if (typeof code === "string" && code !== "") {
    return {
      kind: "retryable",
      reason: inWords({ code: quotable(code), message: typeof message === "string" ? quotable(message) : "" }),
    };
  }
  const failed = code !== undefined && code !== null && code !== "";
  return !failed && typeof sequence === "string" && sequence !== "" ? DELIVERED : UNTOLD;
}

function readFailure(status: number, error: ServiceError): Receipt {
  const reason = error.code === undefined ? `HTTP ${status} ${error.message}`.trimEnd() : inWords(error);
  if (status === 413) return { kind: "refused", reason: `the request is too large for the endpoint (${reason})` };
  if (error.code !== undefined && REFUSALS.has(error.code) && !isAboutStream(error.message)) {
    return { kind: "refused", reason };
  }
  return { kind: "retryable", reason };
}

function isAboutStream(message: string): boolean {
  return BLAMES_STREAM.test(message) && !BLAMES_RECORDS.test(message);
}

/** An error for a person: code, what to do about it if we know, and the service's words. */
export function inWords(error: ServiceError): string {
  const parts = [error.code ?? "unknown error"];
  const advice = error.code === undefined ? undefined : ADVICE[error.code];
  if (advice !== undefined) parts.push(advice);
  if (error.message !== "") parts.push(`"${error.message}"`);
  return parts.join(": ");
}

function unusable(what: string): Receipt {
  return { kind: "retryable", reason: `the reply ${what}, so nothing in it is believed` };
}
