import type { Clock } from "../../core/clock.ts";

/** How soon a topic that was created is seen. */
const REFRESH_MS = 30_000;

/**
 * Which topics exist, so that an event whose topic does not can go elsewhere: the types of events
 * come from outside, and one that nobody made a topic for must not wait for ever.
 *
 * Asks for the list once, and again at most every 30 seconds, when a name is not on it.
 */
export class TopicDirectory {
  readonly #list: () => Promise<readonly string[]>;
  readonly #clock: Clock;
  #names: ReadonlySet<string> | undefined;
  #askedMs = Number.NEGATIVE_INFINITY;
  #asking: Promise<void> | undefined;

  constructor(list: () => Promise<readonly string[]>, clock: Clock) {
    this.#list = list;
    this.#clock = clock;
  }

  /** Which of the names exist. Rejects when there is no list yet and the brokers give none. */
  async existing(names: Iterable<string>): Promise<ReadonlySet<string>> {
    for (const name of names) {
      if (this.#names?.has(name) === true) continue;
      await this.#refresh();
      break;
    }
    return this.#names ?? new Set();
  }

  /** Has the list asked for again before long: a topic on it is not there. */
  doubt(): void {
    this.#askedMs = Math.min(this.#askedMs, this.#clock.monotonicMs() - REFRESH_MS);
    this.#names = undefined;
  }

  async #refresh(): Promise<void> {
    if (this.#names !== undefined && this.#clock.monotonicMs() - this.#askedMs < REFRESH_MS) return;
    this.#asking ??= this.#ask();
    await this.#asking;
  }

  async #ask(): Promise<void> {
    try {
      this.#names = new Set(await this.#list());
      this.#askedMs = this.#clock.monotonicMs();
    } catch (error) {
      if (this.#names === undefined) throw error;
    } finally {
      this.#asking = undefined;
    }
  }
}
