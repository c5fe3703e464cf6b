const QUOTE = 0x22;
const BACKSLASH = 0x5c;

/** What a JSON string in these bytes says, and whether `JSON.stringify` would write it in the same bytes. */
export interface JsonText {
  /** Well-formed: a lone half of a surrogate pair, which UTF-8 cannot hold, is U+FFFD. */
  readonly text: string;
  readonly isPlain: boolean;
}

/** Reads a JSON string; `undefined` if the value is something else. */
export function readJsonText(bytes: Buffer, start: number, end: number): JsonText | undefined {
  if (bytes[start] !== QUOTE) return undefined;
  if (!hasEscape(bytes, start, end)) return { text: bytes.toString("utf8", start + 1, end - 1), isPlain: true };
  const raw = bytes.toString("utf8", start, end);
  try {
    const text: unknown = JSON.parse(raw);
    if (typeof text !== "string") return undefined;
    return { text: text.toWellFormed(), isPlain: text.isWellFormed() && JSON.stringify(text) === raw };
  } catch {
    return undefined;
  }
}

export function hasEscape(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start; at < end; at++) if (bytes[at] === BACKSLASH) return true;
  return false;
}
