import { setImmediate as nextTurn } from "node:timers/promises";

/**
 * Lets through one at a time, each in a turn of the event loop of its own. So what takes
 * long is not done several times in a row while everyone else waits.
 */
export class Turnstile {
  #last: Promise<void> = Promise.resolve();

  pass(): Promise<void> {
    this.#last = this.#last.then(() => nextTurn());
    return this.#last;
  }
}
