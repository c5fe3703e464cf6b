/** How one kind of refusal is answered. */
interface ProblemKind {
  readonly status: number;
  /** Short, the same for every occurrence (RFC 9457). */
  readonly title: string;
}

/**
 * Every way a request can be refused, each documented in `docs/errors.md` and in
 * `/openapi.json`. Codes are stable: senders match on them, so they are never renamed.
 */
export const PROBLEMS = {
  request_malformed: { status: 400, title: "The request is not valid HTTP" },
  url_invalid: { status: 400, title: "The URL cannot be read" },
  query_invalid: { status: 400, title: "A query parameter is not valid" },
  ack_invalid: { status: 400, title: "The acknowledgement level is not known" },
  ack_unavailable: { status: 400, title: "The acknowledgement level is not available here" },
  key_conflict: { status: 400, title: "The request carries different write keys" },
  empty_body: { status: 400, title: "The request has no body" },
  body_incomplete: { status: 400, title: "The body ended early" },
  encoding_invalid: { status: 400, title: "The body cannot be decompressed" },
  invalid_utf8: { status: 400, title: "The body is not UTF-8" },
  invalid_json: { status: 400, title: "The body is not JSON" },
  invalid_msgpack: { status: 400, title: "The body is not MessagePack" },
  invalid_otlp: { status: 400, title: "The body is not a request of OTLP" },
  no_events: { status: 400, title: "The body holds no events" },
  events_invalid: { status: 400, title: "No event is valid" },
  receipt_malformed: { status: 400, title: "The receipt id cannot be read" },
  missing_key: { status: 401, title: "The request has no write key" },
  unknown_key: { status: 401, title: "The write key is not known" },
  origin_not_allowed: { status: 403, title: "The web origin is not allowed" },
  protocol_disabled: { status: 403, title: "The source does not take this protocol" },
  not_found: { status: 404, title: "There is nothing at this path" },
  schema_not_found: { status: 404, title: "There is no such schema" },
  receipt_not_found: { status: 404, title: "The receipt is not known here" },
  method_not_allowed: { status: 405, title: "The method is not allowed here" },
  request_timeout: { status: 408, title: "The request took too long" },
  body_too_large: { status: 413, title: "The body is too large" },
  inflate_ratio_exceeded: { status: 413, title: "The body is compressed too far" },
  too_many_events: { status: 413, title: "The request has too many events" },
  unsupported_media_type: { status: 415, title: "The media type is not supported" },
  encoding_unsupported: { status: 415, title: "The content encoding is not supported" },
  expectation_failed: { status: 417, title: "The expectation cannot be met" },
  quota_exceeded: { status: 429, title: "The source is over its quota" },
  client_quota_exceeded: { status: 429, title: "The client is over its quota" },
  journal_full: { status: 429, title: "The collector's journal is full" },
  overloaded: { status: 429, title: "The collector has too much on its hands" },
  headers_too_large: { status: 431, title: "The request's header is too large" },
  internal_error: { status: 500, title: "The collector failed" },
  receipt_unavailable: { status: 503, title: "The receipt cannot be looked up at the moment" },
  draining: { status: 503, title: "The collector is shutting down" },
  journal_write_failed: { status: 503, title: "The collector cannot write its journal" },
} as const satisfies Readonly<Record<string, ProblemKind>>;

export type ProblemCode = keyof typeof PROBLEMS;

export const PROBLEM_CODES: readonly ProblemCode[] = Object.keys(PROBLEMS).filter(isProblemCode);

export const PROBLEM_MEDIA_TYPE = "application/problem+json";

/** The answer to a request that is refused. */
export interface Problem {
  readonly code: ProblemCode;
  /** What was wrong with this request, and what to do about it. */
  readonly detail: string;
  /** After how many seconds to try again; always sent with 429 and 503. */
  readonly retryAfterSeconds?: number;
  /** Headers as HTTP wants them with this status, in pairs: `["Allow", "GET"]`. */
  readonly headers?: readonly string[];
  /** More members of the body, such as `results`. */
  readonly members?: Readonly<Record<string, unknown>>;
}

export function isProblemCode(code: string): code is ProblemCode {
  return Object.hasOwn(PROBLEMS, code);
}

/** The body as RFC 9457 has it. */
export function problemBody(problem: Problem): string {
  const { status, title } = PROBLEMS[problem.code];
  return JSON.stringify({
    type: `urn:millrace:problem:${problem.code}`,
    title,
    status,
    code: problem.code,
    detail: problem.detail,
    ...problem.members,
  });
}
