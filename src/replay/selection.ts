import { Filter } from "../pipeline/filter.ts";
import type { SkipReason, StoredItem } from "./event-store.ts";
import { holds, type TimeRange } from "./time-range.ts";

/** Which of the stored events are meant. */
export interface SelectionOptions {
  readonly range: TimeRange;
  /** Event types, with `*` for any characters; none: all. */
  readonly types: readonly string[];
  /** A CEL expression, as the `when:` of a sink. */
  readonly filter?: string | undefined;
  /** Of dead letters: those that this sink refused. */
  readonly sink?: string | undefined;
  /** Codes of dead letters and quarantined events; none: all. */
  readonly codes: readonly string[];
}

export class Selection {
  readonly #options: SelectionOptions;
  readonly #types: readonly RegExp[];
  readonly #filter: Filter | undefined;

  /** Throws `filter_invalid`. */
  constructor(options: SelectionOptions) {
    this.#options = options;
    this.#types = options.types.map(globOf);
    this.#filter = options.filter === undefined ? undefined : new Filter(options.filter);
  }

  /** Why an item is not meant; `undefined` when it is. */
  skips({ event, skip, rejection }: StoredItem): SkipReason | undefined {
    const { range, sink, codes } = this.#options;
    if (event !== undefined) {
      if (!holds(range, event.receivedMs)) return "out_of_time";
      if (this.#types.length > 0 && !this.#types.some((type) => type.test(event.type))) return "other_type";
    }
    if (sink !== undefined && rejection?.sink !== sink) return "other_sink";
    if (codes.length > 0 && !codes.includes(rejection?.code ?? "")) return "other_code";
    if (event === undefined) return skip ?? "unreadable";
    const verdict = this.#filter?.test({ ...event, position: 0 }) ?? "pass";
    if (verdict !== "pass") return verdict === "drop" ? "filtered" : "filter_error";
    return skip;
  }
}

/** Throws `filter_invalid` when an expression cannot be a filter. */
export function assertFilter(expression: string): void {
  void new Filter(expression);
}

function globOf(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replaceAll(/[.*+?^${}()|[\]\\]/g, String.raw`\$&`));
  return new RegExp(`^${parts.join("[^]*")}$`, "u");
}
