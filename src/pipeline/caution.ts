import type { Position } from "../core/event.ts";

/**
 * How a pipeline goes on after its worker was killed by a fault of its own again and again
 * at the same place: with few events at a time, so that in the end it is known which one
 * does it.
 */
export interface Caution {
  /** Most events read and not settled at a time. */
  readonly window: number;
  /** It is lifted once the cursor has passed as many events as this, from where the pipeline starts. */
  readonly events: number;
  /**
   * With a window of 1: called before an event is filtered, encoded or sent, each time, so that
   * it can be written down first.
   */
  readonly onAttempt?: (position: Position) => void;
}
