/** An event as it is kept somewhere, with what a sink needs to know of it. */
export interface StoredEvent {
  readonly id: string;
  readonly type: string;
  readonly source: string;
  /** Unix milliseconds at which a collector received it. */
  readonly receivedMs: number;
  /** JSON in UTF-8 without a line end; of the quarantine as it was sent, else the canonical event. */
  readonly bytes: Buffer;
}

/** Why something that was read is not replayed; a stable word, for the ledger. */
export type SkipReason =
  /** No event can be made out: damaged, torn by a crash, or something else. */
  | "unreadable"
  /** Received before `since` or after `until`. */
  | "out_of_time"
  | "other_type"
  | "other_sink"
  | "other_code"
  /** The filter is false for it. */
  | "filtered"
  /** The filter has no answer for it. */
  | "filter_error"
  /** An earlier replay delivered it. */
  | "already_replayed"
  /** The collector has still to deliver it to the sink. */
  | "still_owed"
  /** In the quarantine: text that is not JSON, or JSON that is no object. */
  | "not_an_event"
  /** In the quarantine: only its beginning was kept. */
  | "truncated"
  /** In the quarantine: its source is not configured any more, or does not take native events. */
  | "no_source"
  /** An edit rule could not do what it says. */
  | "edit_failed";

/** What a dead letter or a quarantined event says beside the event. */
export interface Rejection {
  readonly code: string;
  /** The sink that refused it; absent in the quarantine. */
  readonly sink: string | undefined;
  readonly reasons: readonly unknown[];
}

/** One thing that was read: an event, or why there is none. */
export interface StoredItem {
  /** Place within the unit, ascending: a line number, a byte offset or a position. */
  readonly index: number;
  readonly event?: StoredEvent;
  readonly skip?: SkipReason;
  readonly rejection?: Rejection;
}

/** A file or object of stored events. */
export interface StoredUnit {
  /** Orders the units of a store, oldest first where that is known, and names it in a saved state. */
  readonly key: string;
  /** For people. */
  readonly name: string;
  /** As it is stored, compressed or not. */
  readonly bytes: number;
  /**
   * Its items, some at a time. Rejects when it cannot be read; one that was deleted meanwhile has none.
   *
   * @param onBytes is told how many of `bytes` were read since the last call
   */
  read(onBytes: (bytes: number) => void): AsyncIterable<readonly StoredItem[]>;
}

/** The event that a canonical CloudEvents object describes; `undefined` when it is none. */
export function canonicalEvent(bytes: Buffer): StoredEvent | undefined {
  let parsed: unknown;
  try {
    parsed = JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof parsed !== "object" || parsed === null || Array.isArray(parsed)) return undefined;
  const { id, type, source, receivedtime }: { id?: unknown; type?: unknown; source?: unknown; receivedtime?: unknown } =
    parsed;
  if (typeof id !== "string" || typeof type !== "string" || typeof source !== "string") return undefined;
  const receivedMs = typeof receivedtime === "string" ? Date.parse(receivedtime) : Number.NaN;
  return Number.isNaN(receivedMs) ? undefined : { id, type, source, receivedMs, bytes };
}
