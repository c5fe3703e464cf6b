import type { CollectedEvent, EventDraft, Position } from "./event.ts";

/** `memory`: a bounded ring; `os`: written to the page cache; `disk`: synced before the ack. */
export type Durability = "memory" | "os" | "disk";

/** How far an append has got when its promise resolves. */
export type AppendLevel = "written" | "synced";

/**
 * The append-only log that holds accepted events until every sink has them.
 *
 * It assigns positions and keeps bytes. It does not know what an event means, who
 * sends or receives it, or which sinks exist: readers bring their own position, and
 * `release` says what nobody needs any more.
 *
 * Invariant: readers and listeners see an event only after it was written.
 */
export interface Journal {
  readonly durability: Durability;
  /** Name of the slot, unique on the node: part of every receipt id. */
  readonly slot: string;
  /** Oldest position still held. Equals `end` when empty. */
  readonly first: Position;
  /** One past the newest written position. */
  readonly end: Position;
  /** The position the next draft gets. Good until the caller yields to the event loop. */
  readonly nextPosition: Position;
  /** Bytes held, on disk or in the ring. */
  readonly heldBytes: number;
  /**
   * Bytes held from a position to the end, as `heldBytes` counts them. Exact for a journal in
   * memory and where a segment begins or ends; within a segment it is interpolated.
   */
  bytesFrom(position: Position): number;
  /** The budget for `heldBytes`, from the configuration. */
  readonly maxBytes: number;
  /** Why the newest append failed, in words, for a few seconds after it; `undefined` when it did not, or the journal was just full. */
  readonly failure: string | undefined;
  /** True when an append of `bytes` more bytes would be refused: for want of room, or since the disk does not answer. */
  isFull(bytes: number): boolean;

  /**
   * Appends the drafts together, in order. Drafts of all callers in one turn of the
   * event loop are written by one system call. Resolves with the first position.
   *
   * Rejects with `journal_full`, `journal_write_failed`, or `ack_unavailable` when
   * `synced` is asked of a journal in memory. After `journal_full` none of the drafts is in the
   * journal; after `journal_write_failed` they may be. An append at `written` also waits for a
   * sync while more is unsynced than `journal.unsynced` allows.
   */
  append(drafts: readonly EventDraft[], level: AppendLevel): Promise<Position>;

  /** Calls back with each written group, in order, before the appends resolve. */
  onAppend(listener: (events: readonly CollectedEvent[]) => void): void;

  /** Follows the journal from a position, from memory when near the end, else from disk. */
  reader(from: Position): JournalReader;

  /**
   * Nobody will read below `position` but after a restart: what is kept twice, on disk and in
   * memory, is let go of in memory.
   */
  forget(position: Position): void;

  /** Everything below `position` is no longer needed. Positions only move up. */
  release(position: Position): void;

  /** Writes and syncs what is pending, then closes. Safe to call twice. */
  close(): Promise<void>;
}

/** What a pipeline needs of a journal. */
export type EventLog = Pick<Journal, "end" | "bytesFrom" | "reader">;

/** One reader's place in the journal. Not shared: each pipeline has its own. */
export interface JournalReader {
  /** Position of the next event to be read. */
  readonly position: Position;
  /**
   * The next events in order: as many as fit in both limits, but at least one if
   * there is any; empty when caught up. From memory at once, from disk by promise; one
   * read at a time. Positions may skip where records were lost to damage.
   */
  read(maxEvents: number, maxBytes: number): readonly CollectedEvent[] | Promise<readonly CollectedEvent[]>;
  close(): void;
}
