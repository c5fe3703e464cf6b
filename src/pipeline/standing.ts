import type { SinkState } from "../core/deliveries.ts";
import type { Outcome } from "../core/ledger.ts";

/**
 * How a position stands with one sink, as a small number, since the settlement window
 * keeps one for each event in a typed array.
 */
export const STANDING = {
  held: 0,
  delivered: 1,
  deadLettered: 2,
  /** Not for this sink: its `when` is false for the event. */
  filtered: 3,
  /** Its `when` could not be evaluated over the event. */
  filterError: 4,
  /** The journal lost the record to damage. */
  lost: 5,
  /** Settled, and too long ago to tell how. */
  forgotten: 6,
} as const;

export type Standing = (typeof STANDING)[keyof typeof STANDING];

/** The standings a pipeline can give an event it has read, all of them final. */
export type Settled = Exclude<Standing, typeof STANDING.held | typeof STANDING.lost | typeof STANDING.forgotten>;

/** The ledger's outcome for each of them. */
export const OUTCOMES: Readonly<Record<Settled, Outcome>> = {
  [STANDING.delivered]: { kind: "delivered" },
  [STANDING.deadLettered]: { kind: "dead-lettered" },
  [STANDING.filtered]: { kind: "dropped", reason: "filtered" },
  [STANDING.filterError]: { kind: "dropped", reason: "filter_error" },
};

const SINK_STATES: Readonly<Record<Standing, SinkState>> = {
  [STANDING.held]: "held",
  [STANDING.delivered]: "delivered",
  [STANDING.deadLettered]: "dead-lettered",
  [STANDING.filtered]: "dropped",
  [STANDING.filterError]: "dropped",
  [STANDING.lost]: "lost",
  [STANDING.forgotten]: "settled",
};

export function sinkStateOf(standing: Standing): SinkState {
  return SINK_STATES[standing];
}

export function isSettled(standing: number): standing is Settled {
  return standing in OUTCOMES;
}
