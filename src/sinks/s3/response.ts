import type { Batch, Fate, Receipt } from "../../core/sink.ts";
import { errorInWords, quotable } from "../../outbound/quotable.ts";

/** The receipt of a batch of which some events are stored, and the rest failed for one reason. */
export function receiptOf(
  batch: Batch,
  stored: Batch,
  failure: { readonly reason: string; readonly retryAfterMs?: number } | undefined,
): Receipt {
  if (failure === undefined) return { kind: "delivered" };
  const { reason, retryAfterMs } = failure;
  if (stored.length === 0) return { kind: "retryable", reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
  const positions = new Set(stored.map(({ position }) => position));
  const delivered: Fate = { kind: "delivered" };
  const retryable: Fate = { kind: "retryable", reason };
  return { kind: "partial", fates: batch.map(({ position }) => (positions.has(position) ? delivered : retryable)) };
}

const ALLOW = "allow the collector's role what docs/sinks/s3.md lists";
const CLASS_OR_LOCK = "the service does not take the request as configured; check storageClass, objectLock, encryption";

/** What to do about the errors that only a person can end. Their own words name keys, which makes each a new one. */
const ADVICE: Readonly<Record<string, string>> = {
  AccessDenied: ALLOW,
  AllAccessDisabled: "all access to the bucket is disabled",
  AuthorizationHeaderMalformed: "the bucket is in another region; correct `region`",
  BucketRegionError: "the bucket is in another region; correct `region`",
  ConditionalRequestConflict: "another attempt to store the object is on its way",
  ExpiredToken: "the AWS credentials have expired; fresh ones are looked up",
  Forbidden: ALLOW,
  IllegalLocationConstraintException: "the bucket is in another region; correct `region`",
  InvalidAccessKeyId: "the AWS credentials are not valid; they are looked up again",
  InvalidArgument: CLASS_OR_LOCK,
  InvalidRequest: CLASS_OR_LOCK,
  InvalidStorageClass: "the service does not have this storageClass",
  InvalidToken: "the AWS credentials are not valid; they are looked up again",
  "KMS.DisabledException": "the KMS key is disabled; enable it",
  "KMS.NotFoundException": "there is no such KMS key; correct encryption.kmsKeyId",
  NoSuchBucket:
    "there is no such bucket; create it (millrace setup s3 --apply --create), or correct `bucket` and `region`",
  NoSuchUpload: "the upload was thrown away meanwhile; it is begun again",
  NotImplemented:
    "the service does not know what was asked for; see the options for other services in docs/sinks/s3.md",
  PermanentRedirect: "the bucket is in another region; correct `region`",
  QuotaExceeded: "the service's quota is used up",
  RequestTimeTooSkewed: "the machine's clock is wrong",
  SignatureDoesNotMatch: "the AWS credentials are wrong",
  SlowDown: "the service asks for fewer requests",
};

/** Other keys may help. */
const STALE_IDENTITY = new Set(["ExpiredToken", "InvalidAccessKeyId", "InvalidToken", "TokenRefreshRequired"]);

export interface S3Error {
  /** The HTTP status; `undefined` when there was no whole answer. */
  readonly status: number | undefined;
  readonly code: string;
  /** For a person, in one line; the same for the same cause. */
  readonly reason: string;
  readonly retryAfterMs?: number;
}

/** Most of a pause that a service asks for. */
const MAX_RETRY_AFTER_MS = 60_000;

/**
 * Reads what the AWS SDK throws. Nothing that S3 says of a batch is final: bodies are within its
 * limits, and rights, keys and buckets are mended by people. So all may be tried again.
 */
export function readS3Error(error: unknown): S3Error {
  const status = statusOf(error);
  if (status === undefined || !(error instanceof Error)) {
    const code = error instanceof Error ? error.name : "unknown";
    if (code === "CredentialsProviderError") {
      return { status, code, reason: "no AWS credentials were found where AWS SDKs look for them" };
    }
    return { status, code, reason: `no reply from the service: ${errorInWords(causeOf(error))}` };
  }
  const code = codeOf(error, status);
  const advice = ADVICE[code];
  const words =
    advice ?? (error.message === "" || error.message === "UnknownError" ? "" : `"${quotable(error.message)}"`);
  const retryAfterMs = retryAfterOf(error);
  const reason = words === "" ? code : `${code}: ${words}`;
  return { status, code, reason, ...(retryAfterMs !== undefined && { retryAfterMs }) };
}

export function blamesIdentity({ code }: S3Error): boolean {
  return STALE_IDENTITY.has(code);
}

/** The answers to HEAD have no body to tell a code. */
const CODES_BY_STATUS: Readonly<Record<number, string>> = {
  301: "PermanentRedirect",
  403: "Forbidden",
  404: "NotFound",
  412: "PreconditionFailed",
};

function codeOf(error: Error, status: number): string {
  const isTelling = error.name !== "" && !["Error", "Unknown", "UnknownError", "400", "403"].includes(error.name);
  return isTelling ? quotable(error.name) : (CODES_BY_STATUS[status] ?? `HTTP ${status}`);
}

function statusOf(error: unknown): number | undefined {
  if (typeof error !== "object" || error === null || !("$metadata" in error)) return undefined;
  const metadata = error.$metadata;
  if (typeof metadata !== "object" || metadata === null || !("httpStatusCode" in metadata)) return undefined;
  return typeof metadata.httpStatusCode === "number" ? metadata.httpStatusCode : undefined;
}

/** Several addresses of a host fail as one error without words. */
function causeOf(error: unknown): unknown {
  if (!(error instanceof AggregateError)) return error;
  const [first]: readonly unknown[] = error.errors;
  return first ?? error;
}

function retryAfterOf(error: Error): number | undefined {
  if (!("$response" in error)) return undefined;
  const response = error.$response;
  if (typeof response !== "object" || response === null || !("headers" in response)) return undefined;
  const headers = response.headers;
  if (typeof headers !== "object" || headers === null || !("retry-after" in headers)) return undefined;
  const seconds = Number(headers["retry-after"]);
  return Number.isFinite(seconds) && seconds > 0 ? Math.min(seconds * 1_000, MAX_RETRY_AFTER_MS) : undefined;
}
