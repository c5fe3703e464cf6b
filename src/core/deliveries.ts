import type { Position } from "./event.ts";

/** What became of one event at one sink, as far as it is known. */
export type SinkState =
  | "held"
  | "delivered"
  | "dead-lettered"
  | "dropped"
  /** The journal lost it to damage, before this sink had it. */
  | "lost"
  /** The cursor has passed it, too long ago to tell delivered from dead-lettered; the dead letters know. */
  | "settled";

export interface SinkStatus {
  readonly sink: string;
  readonly required: boolean;
  readonly state: SinkState;
}

/** Tells senders what became of their events: `?ack=delivered` and receipts. */
export interface Deliveries {
  /**
   * Waits for every required sink to settle `count` events from `from` on.
   * `delivered`: all were taken by all. `undelivered`: settled, but some were dead-lettered or dropped.
   * `timeout`: not settled within `timeoutMs`.
   */
  whenSettled(from: Position, count: number, timeoutMs: number): Promise<"delivered" | "undelivered" | "timeout">;
  /** One status per sink; `undefined` when the journal has never used the position. */
  statusOf(position: Position): readonly SinkStatus[] | undefined;
  /** The same for an event in another slot of this node. */
  statusIn(slot: string, position: Position): Promise<SlotStatus>;
}

/** What another slot of this node says of one of its positions. */
export type SlotStatus =
  | { readonly kind: "known"; readonly sinks: readonly SinkStatus[] }
  /** Its journal has never used the position. */
  | { readonly kind: "unused" }
  /** This node has no such slot. */
  | { readonly kind: "no_slot" }
  /** Its worker does not answer at the moment. */
  | { readonly kind: "no_answer" };
