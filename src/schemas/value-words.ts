/** Characters of the sender's data that a message shows at most. */
const MAX_SHOWN = 80;

/*
 * Control and format characters, line separators: they could forge lines in a terminal or a log, or
 * reverse the direction of the text that follows.
 */
const UNSAFE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** A string in quotes, shortened and with unsafe characters escaped. */
export function quoted(text: string): string {
  if (text.length <= MAX_SHOWN) return quotedWhole(text);
  // A cut between the two halves of a character would show the first half as an escape.
  const start = text.slice(0, MAX_SHOWN - 20).replace(/[\ud800-\udbff]$/, "");
  return `${quotedWhole(start).slice(0, -1)}…" (${text.length} characters)`;
}

function quotedWhole(text: string): string {
  return escapeUnsafe(JSON.stringify(text));
}

/** Text from a schema or from JSON, on one line. */
export function escapeUnsafe(text: string): string {
  return text.replaceAll(UNSAFE, (character) => `\\u${character.codePointAt(0)?.toString(16).padStart(4, "0")}`);
}

const TOO_LARGE = "a number beyond the largest that is read, 1.8e308";

/** `JSON.parse` makes infinity of a number such as 1e999. */
export function isTooLarge(value: unknown): boolean {
  return value === Number.POSITIVE_INFINITY || value === Number.NEGATIVE_INFINITY;
}

/** What was found, as the end of "…, but is": `the string "12.50"`, `-3`, `null`, `an array of 3`. */
export function foundWords(value: unknown): string {
  if (typeof value === "string") return value === "" ? "an empty string" : `the string ${quoted(value)}`;
  if (typeof value === "number") return isTooLarge(value) ? TOO_LARGE : `the number ${value}`;
  if (Array.isArray(value)) return value.length === 0 ? "an empty array" : `an array of ${value.length}`;
  if (typeof value === "object" && value !== null)
    return Object.keys(value).length === 0 ? "an empty object" : "an object";
  return String(value);
}

/** A value the schema names, as JSON: `"EUR"`, `5`, `null`. */
export function valueText(value: unknown): string {
  if (typeof value === "string") return quoted(value);
  const text = JSON.stringify(value) ?? "nothing";
  return escapeUnsafe(text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN - 1)}…`);
}

const TYPE_WORDS: ReadonlyMap<unknown, string> = new Map([
  ["string", "a string"],
  ["number", "a number"],
  ["integer", "a whole number"],
  ["boolean", "true or false"],
  ["object", "an object"],
  ["array", "an array"],
  ["null", "null"],
]);

/** What a schema's `type` asks for: `a number`, `a string or null`. */
export function typeWords(type: unknown): string {
  const types = Array.isArray(type) ? type : [type];
  return listed(
    types.map((name) => TYPE_WORDS.get(name) ?? "something else"),
    "or",
  );
}

/** `a`, `a or b`, `a, b or c`; long lists are cut. */
export function listed(words: readonly string[], last: "or" | "and", max = 20): string {
  const shown = [...new Set(words)];
  if (shown.length > max) return `${shown.slice(0, max).join(", ")}, … (${shown.length} in all)`;
  if (shown.length < 2) return shown.join("");
  return `${shown.slice(0, -1).join(", ")} ${last} ${shown.at(-1)}`;
}

/** `1 entry`, `3 entries`. */
export function counted(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}
