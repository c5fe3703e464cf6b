import { Counter, type CounterConfiguration } from "prom-client";

/** Adds up for one series of a counter. */
export class Tally {
  #pending = 0;
  readonly #add: (value: number) => void;

  constructor(add: (value: number) => void) {
    this.#add = add;
  }

  inc(value = 1): void {
    this.#pending += value;
  }

  flush(): void {
    if (this.#pending === 0) return;
    this.#add(this.#pending);
    this.#pending = 0;
  }
}

/**
 * A counter that every request counts with. prom-client checks and looks up the labels each time
 * (0.2 µs, Node 26), so sums are added to it when it is read only.
 */
export class TalliedCounter<Label extends string> {
  readonly #counter: Counter<Label>;
  readonly #tallies: Tally[] = [];

  constructor(configuration: Omit<CounterConfiguration<Label>, "collect">) {
    const tallies = this.#tallies;
    this.#counter = new Counter({
      ...configuration,
      collect() {
        for (const tally of tallies) tally.flush();
      },
    });
  }

  /** What adds to the series with these labels, in the order of their names; to be kept. */
  tally(...labels: string[]): Tally {
    const tally = new Tally((value) => this.#counter.labels(...labels).inc(value));
    this.#tallies.push(tally);
    return tally;
  }
}
