/**
 * Every code a `MillraceError` can carry, each documented in `docs/errors.md`.
 * Codes are stable: scripts and alerts match on them, so they are never renamed.
 */
export const ERROR_CODES = [
  "config_invalid",
  "config_not_found",
  "port_unavailable",
  "tls_invalid",
  "journal_full",
  "journal_locked",
  "journal_unusable",
  "journal_write_failed",
  "lifeboat_invalid",
  "ack_unavailable",
  "schema_invalid",
  "sink_misconfigured",
  "filter_invalid",
  "geo_invalid",
  "duckdb_missing",
  "query_failed",
  "edit_invalid",
  "replay_unusable",
  "usage",
] as const;

export type ErrorCode = (typeof ERROR_CODES)[number];

/**
 * A failure at a boundary (configuration, port, disk) that a person or a caller can
 * act on. Bugs are asserted instead, bad input is answered, and delivery failures
 * are receipts.
 */
export class MillraceError extends Error {
  readonly code: ErrorCode;

  constructor(code: ErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "MillraceError";
    this.code = code;
  }
}
