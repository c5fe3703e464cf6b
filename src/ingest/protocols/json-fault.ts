/** The first place where a text stops being JSON, told to a person. */
export interface JsonFault {
  /** Index of the character that cannot be there; the length of the text when it ends too early. */
  readonly at: number;
  /** What is wrong there and what to do about it, in words, without the place. */
  readonly message: string;
}

/** Bounds the memory that a text of nothing but brackets takes. */
const MAX_DEPTH = 10_000;

/** What may come next. */
type State = "value" | "first element" | "name" | "first name" | "colon" | "separator";

/**
 * Finds out why `JSON.parse` refused a text. Its own messages quote the input and
 * often leave out the place, so this reads the text again. Takes time in proportion
 * to the text and no recursion, so a hostile text cannot make it expensive.
 *
 * Returns `undefined` exactly for the texts that `JSON.parse` accepts, as far as they
 * are nested no deeper than `MAX_DEPTH`.
 */
export function findJsonFault(text: string): JsonFault | undefined {
  const open: string[] = [];
  let state: State = "value";
  let at = skipSpace(text, 0);
  while (at < text.length) {
    const char = text.charAt(at);
    let end = at + 1;
    switch (state) {
      case "value":
      case "first element":
        if (char === "{" || char === "[") {
          if (open.push(char) > MAX_DEPTH) return { at, message: `more than ${MAX_DEPTH} brackets are open` };
          state = char === "{" ? "first name" : "first element";
        } else if (char === "]" && state === "first element") {
          open.pop();
          state = "separator";
        } else if (char === '"') {
          end = skipString(text, at);
          state = "separator";
        } else {
          end = skipScalar(text, at);
          if (end === at) return misplaced(text, at, state, open);
          state = "separator";
        }
        break;
      case "name":
      case "first name":
        if (char === "}" && state === "first name") {
          open.pop();
          state = "separator";
        } else if (char === '"') {
          end = skipString(text, at);
          state = "colon";
        } else return misplaced(text, at, state, open);
        break;
      case "colon":
        if (char !== ":") return misplaced(text, at, state, open);
        state = "value";
        break;
      case "separator": {
        const container = open.at(-1);
        if (char === "," && container !== undefined) state = container === "{" ? "name" : "value";
        else if (char === (container === "{" ? "}" : "]") && container !== undefined) open.pop();
        else return misplaced(text, at, state, open);
        break;
      }
    }
    if (end < 0) return stringFault(text, at, ~end);
    at = skipSpace(text, end);
  }
  return state === "separator" && open.length === 0 ? undefined : { at, message: endsEarly(open) };
}

function skipSpace(text: string, start: number): number {
  let at = start;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code !== 0x20 && code !== 0x0a && code !== 0x0d && code !== 0x09) break;
    at++;
  }
  return at;
}

/** The end of the string that begins at `start`; when it is broken, the complement (`~`) of the place. */
function skipString(text: string, start: number): number {
  let at = start + 1;
  while (at < text.length) {
    const code = text.charCodeAt(at);
    if (code === 0x22) return at + 1;
    if (code < 0x20) return ~at;
    if (code === 0x5c) {
      const length = escapeLength(text, at);
      if (length === 0) return ~at;
      at += length;
    } else at++;
  }
  return ~text.length;
}

function escapeLength(text: string, at: number): number {
  const char = text.charAt(at + 1);
  if (char === "u") return /^[0-9a-f]{4}$/i.test(text.slice(at + 2, at + 6)) ? 6 : 0;
  return char !== "" && '"\\/bfnrt'.includes(char) ? 2 : 0;
}

/** The end of the number or literal that begins at `start`, or `start` when there is none. */
function skipScalar(text: string, start: number): number {
  for (const literal of ["true", "false", "null"]) if (text.startsWith(literal, start)) return start + literal.length;
  let at = text.charAt(start) === "-" ? start + 1 : start;
  const whole = skipDigits(text, at);
  if (whole === at) return start;
  at = text.charAt(at) === "0" ? at + 1 : whole;
  if (text.charAt(at) === ".") {
    const fraction = skipDigits(text, at + 1);
    if (fraction === at + 1) return start;
    at = fraction;
  }
  if (text.charAt(at) === "e" || text.charAt(at) === "E") {
    const digits = text.charAt(at + 1) === "-" || text.charAt(at + 1) === "+" ? at + 2 : at + 1;
    const exponent = skipDigits(text, digits);
    if (exponent === digits) return start;
    at = exponent;
  }
  return at;
}

function skipDigits(text: string, start: number): number {
  let at = start;
  while (isDigit(text.charCodeAt(at))) at++;
  return at;
}

function isDigit(code: number): boolean {
  return code >= 0x30 && code <= 0x39;
}

function endsEarly(open: readonly string[]): string {
  if (open.length === 0) return "there is no value";
  const missing = open
    .slice(-8)
    .toReversed()
    .map((bracket) => (bracket === "{" ? "}" : "]"));
  const closers = open.length > missing.length ? `${missing.join("")}…` : missing.join("");
  return `the text ends before it is complete; ${closers} is missing. Was the body cut off?`;
}

function stringFault(text: string, start: number, at: number): JsonFault {
  if (at === text.length) return { at, message: 'a string is not closed; " is missing. Was the body cut off?' };
  const code = text.charCodeAt(at);
  if (code === 0x0a || code === 0x0d) {
    return { at, message: 'a string is not closed on its line. Close it with ", or write \\n for a line break' };
  }
  if (code < 0x20) {
    const escape = code === 0x09 ? "\\t" : `\\u${code.toString(16).padStart(4, "0")}`;
    return { at, message: `a string holds a control character; write ${escape}` };
  }
  const found = quote(text, at, text.charAt(at + 1) === "u" ? 6 : 2);
  return { at: Math.max(start, at), message: `${found} is not an escape of JSON; a backslash itself is written \\\\` };
}

/** Says why the character at `at` cannot be there, as helpfully as a glance at it allows. */
function misplaced(text: string, at: number, state: State, open: readonly string[]): JsonFault {
  const char = text.charAt(at);
  const afterComma = state === "name" || (state === "value" && open.at(-1) === "[");
  if ((char === "}" || char === "]") && afterComma) return { at, message: `a comma before ${char}; leave it out` };
  if ("'`“”‘’".includes(char)) return { at, message: `found ${char}; JSON uses plain double quotes "` };
  if (char === "/" || char === "#") return { at, message: `found ${char}; JSON has no comments` };
  return { at, message: hintFor(text, at, state, open) };
}

function hintFor(text: string, at: number, state: State, open: readonly string[]): string {
  const found = quote(text, at, 1);
  const word = wordAt(text, at);
  switch (state) {
    case "name":
    case "first name":
      return word === ""
        ? `expected a name in double quotes, found ${found}`
        : `the name ${word} must be in double quotes`;
    case "colon":
      return `expected : after the name, found ${found}`;
    case "value":
    case "first element":
      return valueHint(text, at, word);
    case "separator":
      if (open.length > 0) return separatorHint(text, at, open.at(-1) === "{" ? "}" : "]");
      return `found ${found} after the end of the value. Several events go into an array, or one to a line as application/x-ndjson`;
    default:
      return state satisfies never;
  }
}

function valueHint(text: string, at: number, word: string): string {
  if (word === "") return `expected a value, found ${quote(text, at, 1)}`;
  if (/^[+-]?(NaN|Infinity|inf|nan|undefined|None|nil|NULL|Null)$/.test(word)) return `${word} is not JSON; write null`;
  if (/^(True|False|TRUE|FALSE)$/.test(word)) return `${word} is not JSON; write ${word.toLowerCase()}`;
  if (/^[+\-.\d]/.test(word)) return `${word} is not a number as JSON writes them`;
  return `${word} is not a value; a string must be in double quotes`;
}

function separatorHint(text: string, at: number, closer: string): string {
  const char = text.charAt(at);
  if (char === '"' || char === "{" || char === "[") return `a comma is missing before ${char}`;
  if (isDigit(text.charCodeAt(at - 1)) && /[\w.]/.test(char)) return "a number is not written as JSON writes them";
  return `expected , or ${closer}, found ${quote(text, at, 1)}`;
}

function wordAt(text: string, at: number): string {
  return /^[\p{L}\p{N}_$+.-]+/u.exec(text.slice(at, at + 32))?.[0] ?? "";
}

function quote(text: string, at: number, length: number): string {
  const code = text.codePointAt(at) ?? 0;
  if (code < 0x21 || (code >= 0x7f && code < 0xa0))
    return `the character U+${code.toString(16).padStart(4, "0").toUpperCase()}`;
  return code > 0xffff ? String.fromCodePoint(code) : text.slice(at, at + length);
}
