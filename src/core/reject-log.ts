import type { Position } from "./event.ts";

/** An event that did not reach where it was meant to go, with the reason. One line of JSON in the log. */
export interface RejectedEvent {
  /** Unix milliseconds at which it was set aside. */
  readonly atMs: number;
  readonly source: string;
  /** The sink that refused it; absent in the quarantine. */
  readonly sink?: string;
  readonly position?: Position;
  /** A stable code, such as `schema_violation` or `rejected_by_sink`. */
  readonly code: string;
  /** In words: the validation problems, or the sink's answer. */
  readonly reasons: readonly unknown[];
  /** The event as it was sent or stored. Bytes that are not UTF-8 are kept in base64. */
  readonly event: Uint8Array;
}

/**
 * Where rejected events are kept so that they can be read, fixed and replayed: the
 * quarantine (failed validation) and the dead letters (refused by a sink).
 */
export interface RejectLog {
  /** Resolves once the entries are as safe as the journal would keep them. Rejects with `journal_write_failed`. */
  append(entries: readonly RejectedEvent[]): Promise<void>;
  close(): Promise<void>;
}
