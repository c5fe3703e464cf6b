import type { CollectedEvent } from "../../core/event.ts";

/** Each is an index, with shards that cost memory; more types than this are better told apart by a query. */
export const MAX_TYPES = 200;

/** The limit is 255 bytes (https://docs.opensearch.org/latest/api-reference/index-apis/create-index/#index-naming-restrictions); a data stream's indices add a prefix and a number. */
const MAX_NAME_CHARS = 200;

const DAY_MS = 86_400_000;
const OTHER = "other";
const DATE_CHARS = "2026.11.27".length;

interface IndexSettings {
  readonly index: string;
  readonly types: readonly string[];
  readonly dataStream: boolean;
}

/**
 * Which index an event goes to. There are as many names as the configuration says, times days:
 * a type that is not listed shares `other`, and the day is that of the receipt, so that nobody
 * outside can make up names. The same event has the same name whenever it is sent.
 */
export class IndexNames {
  /** The one name there is, when events do not matter. */
  readonly single: string | undefined;
  /** Longest name in bytes. */
  readonly maxBytes: number;
  readonly #template: string;
  readonly #perType: ReadonlyMap<string, string>;
  readonly #other: string;
  readonly #isDated: boolean;
  readonly #ofDay = new Map<string, string>();
  #day = Number.NaN;

  constructor({ index, types }: IndexSettings) {
    this.#template = index;
    this.#isDated = /\{(date|month)\}/.test(index);
    this.#perType = new Map(types.map((type) => [type, withType(index, type)]));
    this.#other = withType(index, OTHER);
    this.single = index.includes("{") ? undefined : index;
    this.maxBytes = Math.max(...this.#all().map((name) => filled(name, "x".repeat(DATE_CHARS)).length));
  }

  of(event: CollectedEvent): string {
    const name = this.#perType.get(event.type) ?? this.#other;
    if (!this.#isDated) return name;
    const day = Math.floor(event.receivedMs / DAY_MS);
    if (day !== this.#day) {
      this.#day = day;
      this.#ofDay.clear();
    }
    const known = this.#ofDay.get(name);
    if (known !== undefined) return known;
    const dated = filled(name, new Date(day * DAY_MS).toISOString().slice(0, 10).replaceAll("-", "."));
    this.#ofDay.set(name, dated);
    return dated;
  }

  /** Every name, with `*` for what the date decides. */
  patterns(): readonly string[] {
    return [...new Set(this.#all())].map((name) => name.replaceAll(/\{(date|month)\}/g, "*"));
  }

  #all(): readonly string[] {
    return this.#template.includes("{type}") ? [...this.#perType.values(), this.#other] : [this.#other];
  }
}

/** What is wrong with the settings, and in which of them. */
export function indexProblem({
  index,
  types,
  dataStream,
}: IndexSettings): { field: "index" | "types"; message: string } | undefined {
  const bare = index.replaceAll(/\{(type|date|month)\}/g, "");
  if (!/^[a-z0-9._-]*$/.test(bare) || !/^[a-z0-9]/.test(index))
    return {
      field: "index",
      message:
        "lower-case letters, digits, `.`, `_` and `-` with {type}, {date} and {month} between, beginning with a letter or digit",
    };
  if (dataStream && /\{(date|month)\}/.test(index))
    return {
      field: "index",
      message: "a data stream begins new indices by itself: leave {date} and {month} out, or set dataStream: false",
    };
  if (!index.includes("{type}"))
    return types.length === 0 ? undefined : { field: "types", message: "has no meaning without {type} in index" };
  if (types.length === 0) return { field: "types", message: "list the types that get an index of their own by {type}" };
  const owners = new Map([[OTHER, "all other types"]]);
  for (const type of types) {
    const owner = owners.get(sanitized(type));
    if (owner !== undefined)
      return { field: "types", message: `${type} and ${owner} would share the index ${withType(index, type)}` };
    owners.set(sanitized(type), type);
    if (withType(index, type).length + DATE_CHARS > MAX_NAME_CHARS)
      return { field: "types", message: `${type} makes a name of over ${MAX_NAME_CHARS} characters` };
  }
  return undefined;
}

function withType(index: string, type: string): string {
  return index.replaceAll("{type}", sanitized(type));
}

function sanitized(type: string): string {
  return type.toLowerCase().replaceAll(/[^a-z0-9._-]+/g, "-");
}

function filled(name: string, date: string): string {
  return name.replaceAll("{date}", date).replaceAll("{month}", date.slice(0, "2026.11".length));
}
