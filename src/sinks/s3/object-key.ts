import { createHash } from "node:crypto";
import type { CollectedEvent, Position } from "../../core/event.ts";
import { MAX_KEY_BYTES } from "./service-limits.ts";

export const DEFAULT_KEY = "{prefix}dt={date}/hour={hour}/{node}-{slot}-{position}-{hash}.{ext}";

/** Longest value of each placeholder, in characters: names of nodes and slots are limited where they are configured. */
const PLACEHOLDERS: Readonly<Record<string, number>> = {
  prefix: 0,
  sink: 63,
  date: 10,
  year: 4,
  month: 2,
  day: 2,
  hour: 2,
  node: 63,
  slot: 128,
  position: 16,
  hash: 25,
  ext: 10,
};

/** Without these, two writers or two batches could name the same object. */
const TELLING_APART = ["node", "slot", "position", "hash"];

/** `{hour}` alone files every day's hours together. */
const NEEDS: Readonly<Record<string, readonly (readonly string[])[]>> = {
  hour: [["date"], ["year", "month", "day"]],
  day: [["year", "month"]],
  month: [["year"]],
};

const PLACEHOLDER = /\{([^{}]*)\}/g;
const PLAIN_TEXT = /^[A-Za-z0-9!_.*'()=/-]*$/;

/** What is wrong with a key template, in words; `undefined` if it can be used. */
export function keyProblem(template: string, prefix: string): string | undefined {
  const names = namesIn(template);
  const unknown = names.find((name) => !Object.hasOwn(PLACEHOLDERS, name));
  if (unknown !== undefined) {
    const known = Object.keys(PLACEHOLDERS).map((name) => `{${name}}`);
    return `{${unknown}} is no placeholder; there are ${known.join(", ")}`;
  }
  if (!PLAIN_TEXT.test(template.replaceAll(PLACEHOLDER, ""))) {
    return "a key has letters, digits, / and !_.*'()=- beside its placeholders";
  }
  if (template.startsWith("/")) return "a key does not begin with /, which would make a folder without a name";
  const missing = TELLING_APART.filter((name) => !names.includes(name));
  if (missing.length > 0) {
    const words = missing.map((name) => `{${name}}`).join(", ");
    return `needs ${words}: without, two objects could have the same key`;
  }
  for (const [name, choices] of Object.entries(NEEDS)) {
    if (!names.includes(name) || choices.some((others) => others.every((other) => names.includes(other)))) continue;
    const words = choices.map((others) => others.map((other) => `{${other}}`).join(", "));
    return `{${name}} needs ${words.join(" or ")} too: without, events of different times would lie together`;
  }
  const longest = template.replaceAll(PLACEHOLDER, (_, name: string) =>
    name === "prefix" ? prefix : "x".repeat(PLACEHOLDERS[name] ?? 0),
  );
  if (longest.length > MAX_KEY_BYTES) return `could make a key of ${longest.length} bytes; S3 takes ${MAX_KEY_BYTES}`;
  return undefined;
}

/** What all keys of a template begin with; lifecycle rules go by it. Empty when the template begins with what varies. */
export function constantPrefix(template: string, prefix: string, sink: string): string {
  const known = template.replaceAll("{prefix}", prefix).replaceAll("{sink}", sink);
  const end = known.indexOf("{");
  return end === -1 ? known : known.slice(0, end);
}

export interface Writer {
  readonly sink: string;
  readonly node: string;
  readonly slot: string;
}

/** Names objects by their first event, so that whoever writes the same events again comes to the same key. */
export class ObjectKeys {
  readonly #template: string;
  readonly #values: Readonly<Record<string, string>>;
  /** How many characters of an ISO time, such as `2026-11-23T07:…`, all events of an object share. */
  readonly #periodChars: number;

  constructor(options: { template: string; prefix: string; ext: string; writer: Writer }) {
    const { template, prefix, ext, writer } = options;
    this.#template = template;
    this.#values = { prefix, ext, sink: writer.sink, node: writer.node, slot: writer.slot };
    const names = namesIn(template);
    const has = (name: string) => names.includes(name);
    this.#periodChars = has("hour") ? 13 : has("date") || has("day") ? 10 : has("month") ? 7 : has("year") ? 4 : 0;
  }

  /** The part of the time that shows in the key. Later periods sort behind earlier ones. */
  periodOf(receivedMs: number): string {
    return new Date(receivedMs).toISOString().slice(0, this.#periodChars);
  }

  /** @param suffix tells an object from one that has its key and holds something else */
  keyOf(first: CollectedEvent, suffix?: string): string {
    const hash = shortHash(this.#values["sink"] ?? "", first.id);
    return this.#render(first, suffix === undefined ? hash : `${hash}-${suffix}`);
  }

  /** The key of an object that is told from others by all it holds. */
  keyByContent(first: CollectedEvent, digest: string): string {
    return this.#render(first, digest.slice(0, 16));
  }

  #render(first: CollectedEvent, hash: string): string {
    const time = new Date(first.receivedMs).toISOString();
    const values: Readonly<Record<string, string>> = {
      ...this.#values,
      date: time.slice(0, 10),
      year: time.slice(0, 4),
      month: time.slice(5, 7),
      day: time.slice(8, 10),
      hour: time.slice(11, 13),
      position: padded(first.position),
      hash,
    };
    return this.#template.replaceAll(PLACEHOLDER, (_, name: string) => values[name] ?? "");
  }
}

/** 16 digits hold every position, so that keys sort as the events came. */
function padded(position: Position): string {
  return String(position).padStart(16, "0");
}

/** Of the sink too: two that write to one place must not take each other's objects for theirs. */
function shortHash(sink: string, id: string): string {
  return createHash("sha256").update(`${sink}\n${id}`).digest("hex").slice(0, 8);
}

function namesIn(template: string): string[] {
  return Array.from(template.matchAll(PLACEHOLDER), ([, name = ""]) => name);
}
