import type { Receipt } from "../core/sink.ts";
import { isObject } from "../outbound/json-reply.ts";
import { quotable } from "../outbound/quotable.ts";
import type { ServiceError } from "./service-error.ts";

/** What is known of a service's errors. */
export interface ErrorKnowledge {
  /** What to do about errors that only a person can end, by code. */
  readonly advice: Readonly<Record<string, string>>;
  /** True for the service's word that the events of a call can never be taken as they are. */
  readonly refusesEvents: (error: ServiceError) => boolean;
}

const COMMON_ADVICE: Readonly<Record<string, string>> = {
  ExpiredToken: "the AWS credentials have expired; fresh ones are looked up",
  ExpiredTokenException: "the AWS credentials have expired; fresh ones are looked up",
  UnrecognizedClientException: "the AWS credentials are not valid; they are looked up again",
  InvalidClientTokenId: "the AWS credentials are not valid; they are looked up again",
  InvalidSignatureException: "the AWS credentials or the machine's clock are wrong",
  SignatureDoesNotMatch: "the AWS credentials or the machine's clock are wrong",
  KMSDisabledException: "the KMS key is disabled; enable it",
  KMSInvalidStateException: "the KMS key is not usable in its state",
  KMSNotFoundException: "the KMS key does not exist",
  KMSOptInRequired: "the account has no KMS subscription",
  KMSThrottlingException: "too many KMS calls in the account",
  ThrottlingException: "the account's limit for such calls is reached; if this lasts, ask AWS to raise it",
};

/**
 * Reads a reply whose status is not 200. Refused is only what the service says no repetition can
 * mend. Everything else may be sent again, missing destinations and missing rights too: an
 * operator's slip must not dead-letter every event.
 */
export function readFailedCall(
  status: number,
  error: ServiceError,
  { advice, refusesEvents }: ErrorKnowledge,
): Receipt {
  const reason = error.code === undefined ? `HTTP ${status} ${error.message}`.trimEnd() : inWords(error, advice);
  if (status === 413) return { kind: "refused", reason: `the request is too large for the endpoint (${reason})` };
  return { kind: error.code !== undefined && refusesEvents(error) ? "refused" : "retryable", reason };
}

/** An error for a person: code, what to do about it if we know, and the service's words. */
export function inWords(error: ServiceError, advice: ErrorKnowledge["advice"]): string {
  const parts = [error.code ?? "unknown error"];
  const known =
    error.code === undefined ? undefined : (adviceOn(error.code, advice) ?? adviceOn(error.code, COMMON_ADVICE));
  if (known !== undefined) parts.push(known);
  if (error.message !== "") parts.push(`"${error.message}"`);
  return parts.join(": ");
}

/** The code is the service's word: it may be that of something every object has. */
function adviceOn(code: string, advice: ErrorKnowledge["advice"]): string | undefined {
  return Object.hasOwn(advice, code) ? advice[code] : undefined;
}

/** The error in an entry of a reply that tells the fate of each; `undefined` when the entry has none. */
export function entryError(entry: unknown, codeField: string, messageField: string): ServiceError | undefined {
  if (!isObject(entry)) return undefined;
  const { [codeField]: code, [messageField]: message } = entry;
  if (code === undefined || code === null || code === "") return undefined;
  return {
    code: typeof code === "string" ? quotable(code) : undefined,
    message: typeof message === "string" ? quotable(message) : "",
  };
}

/** For a reply that contradicts itself or the call. */
export function unusableReply(what: string): Receipt {
  return { kind: "retryable", reason: `the reply ${what}, so nothing in it is believed` };
}
