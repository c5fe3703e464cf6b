/**
 * Place of an event in one journal slot: a record number that counts up from 0 and
 * is never used twice, not even after records were lost to damage.
 */
export type Position = number;

/** Longest `id` and `type` in UTF-8 bytes; both are stored beside every event. */
export const MAX_NAME_BYTES = 255;

/**
 * An event about to be written. Its bytes are `head + body + tail + closing`, a CloudEvents
 * JSON object, joined once in the journal's buffer: `body` stays the sender's own bytes, so
 * nothing is parsed and printed again on the way. Events of one request share head and tail.
 */
export interface EventDraft {
  readonly id: string;
  readonly type: string;
  /** Name of the source whose write key admitted the event. */
  readonly source: string;
  /** Unix time in milliseconds at which the request was admitted. */
  readonly receivedMs: number;
  readonly head: Uint8Array;
  readonly body: Uint8Array;
  readonly tail: Uint8Array;
  /** ASCII, and short. */
  readonly closing: string;
}

/** An event in the journal. `bytes` is what every sink gets, and must not be changed. */
export interface CollectedEvent {
  readonly position: Position;
  readonly id: string;
  readonly type: string;
  readonly source: string;
  readonly receivedMs: number;
  /** The CloudEvents JSON object in UTF-8, without a line end. */
  readonly bytes: Buffer;
}
