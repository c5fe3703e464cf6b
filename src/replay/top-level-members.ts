const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const COLON = 0x3a;
const OPEN = new Set([0x5b, 0x7b]);
const CLOSE = new Set([0x5d, 0x7d]);
const SPACE = new Set([0x20, 0x09, 0x0a, 0x0d]);

/**
 * The bytes of the member `name` of a JSON object; of the last one, as `JSON.parse` takes it, when it is repeated.
 * What `JSON.parse` would not keep, such as the digits of a large number, is still in them.
 *
 * @param json an object that `JSON.parse` accepts; its names have no escapes, or are not found
 */
export function memberBytes(json: Buffer, name: string): Buffer | undefined {
  const wanted = Buffer.from(`"${name}"`);
  let found: Buffer | undefined;
  let at = afterSpace(json, 0) + 1;
  while (at < json.length) {
    const nameStart = afterSpace(json, at);
    if (json[nameStart] !== QUOTE) return found;
    const nameEnd = endOfString(json, nameStart);
    let start = afterSpace(json, nameEnd);
    if (json[start] !== COLON) return found;
    start = afterSpace(json, start + 1);
    const end = endOfValue(json, start);
    if (json.subarray(nameStart, nameEnd).equals(wanted)) found = json.subarray(start, end);
    at = afterSpace(json, end);
    if (json[at] !== COMMA) return found;
    at++;
  }
  return found;
}

/** A JSON object with further members, which hold where it has some of these names already: the last one counts. */
export function withMembers(json: Buffer, members: Readonly<Record<string, unknown>>): Buffer {
  const added = JSON.stringify(members).slice(1, -1);
  if (added === "") return json;
  const end = json.lastIndexOf("}");
  const isEmpty = afterSpace(json, afterSpace(json, 0) + 1) === end;
  return Buffer.concat([json.subarray(0, end), Buffer.from(`${isEmpty ? "" : ","}${added}}`)]);
}

function endOfValue(json: Buffer, start: number): number {
  let depth = 0;
  for (let at = start; at < json.length; at++) {
    const byte = json[at] ?? 0;
    if (byte === QUOTE) {
      at = endOfString(json, at) - 1;
      if (depth === 0) return at + 1;
    } else if (OPEN.has(byte)) depth++;
    else if (CLOSE.has(byte)) {
      if (depth === 0) return trimmed(json, start, at);
      depth--;
      if (depth === 0) return at + 1;
    } else if (depth === 0 && byte === COMMA) return trimmed(json, start, at);
  }
  return json.length;
}

/** One past the quote that ends the string which begins at `start`. */
function endOfString(json: Buffer, start: number): number {
  for (let at = start + 1; at < json.length; at++) {
    if (json[at] === BACKSLASH) at++;
    else if (json[at] === QUOTE) return at + 1;
  }
  return json.length;
}

function afterSpace(json: Buffer, from: number): number {
  let at = from;
  while (SPACE.has(json[at] ?? 0)) at++;
  return at;
}

function trimmed(json: Buffer, start: number, from: number): number {
  let end = from;
  while (end > start && SPACE.has(json[end - 1] ?? 0)) end--;
  return end;
}
