type Detail = string | number;

interface Step {
  readonly atMs: number;
  readonly what: string;
  readonly details: readonly Detail[];
}

const words = new Map<string, number>();

/** What happened in a simulated world, step by step. Two runs of a seed leave the same. */
export class Trace {
  readonly #steps: Step[] = [];
  readonly #clock: { readonly nowMs: number };
  #hash = 0x811c9dc5;

  constructor(clock: { readonly nowMs: number }) {
    this.#clock = clock;
  }

  add(what: string, ...details: readonly Detail[]): void {
    const atMs = this.#clock.nowMs;
    this.#steps.push({ atMs, what, details });
    this.#mix(Math.round(atMs * 1_000));
    this.#mix(hashOf(what));
    for (const detail of details) this.#mix(typeof detail === "number" ? Math.round(detail * 1_000) : hashOf(detail));
  }

  #mix(value: number): void {
    this.#hash = Math.imul(this.#hash ^ (value | 0), 0x01000193);
    this.#hash ^= this.#hash >>> 15;
  }

  /** Tells apart runs that differ in any step. */
  get hash(): string {
    return (this.#hash >>> 0).toString(16).padStart(8, "0");
  }

  get length(): number {
    return this.#steps.length;
  }

  /** The newest `count` steps in words. */
  lines(count = this.#steps.length): string[] {
    return this.#steps
      .slice(-count)
      .map(({ atMs, what, details }) => `${atMs.toFixed(2).padStart(10)} ms  ${what} ${details.join(" ")}`);
  }
}

function hashOf(word: string): number {
  let hash = words.get(word);
  if (hash !== undefined) return hash;
  hash = 0x811c9dc5;
  for (let at = 0; at < word.length; at++) hash = Math.imul(hash ^ word.charCodeAt(at), 0x01000193);
  if (words.size > 10_000) words.clear();
  words.set(word, hash);
  return hash;
}
