/** One line of Prometheus' text format. */
interface Sample {
  readonly name: string;
  /** As it stands between the braces. */
  readonly labels: string;
  readonly value: number;
}

/** A scrape of a collector's `/metrics`. */
export class Scrape {
  readonly atMs: number;
  readonly #series = new Map<string, Sample>();

  /** @param atMs when it was taken, on a clock that only goes forward */
  constructor(text: string, atMs: number) {
    this.atMs = atMs;
    for (const line of text.split("\n")) {
      const [, name, labels = "", value] = /^(\w+)(?:\{(.*)\})? (\S+)/.exec(line) ?? [];
      if (name !== undefined) this.#series.set(`${name}{${labels}}`, { name, labels, value: Number(value) });
    }
  }

  has(name: string): boolean {
    return this.#samplesOf(name).length > 0;
  }

  /** The sum over all series of a gauge. */
  sum(name: string): number {
    return this.#samplesOf(name).reduce((sum, { value }) => sum + value, 0);
  }

  /** By how much a counter rose since an earlier scrape; a series that fell began again at 0 with a new process. */
  riseSince(earlier: Scrape, name: string, label = ""): number {
    let rise = 0;
    for (const { labels, value } of this.#samplesOf(name)) {
      if (!labels.includes(label)) continue;
      const before = earlier.#series.get(`${name}{${labels}}`)?.value ?? 0;
      rise += value >= before ? value - before : value;
    }
    return rise;
  }

  #samplesOf(name: string): Sample[] {
    return [...this.#series.values()].filter((sample) => sample.name === name);
  }
}
