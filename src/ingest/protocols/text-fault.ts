import { findJsonFault } from "./json-fault.ts";

const LINE_FEED = 0x0a;

/** A place in a text as most editors count it: from 1, columns in UTF-16 units. */
interface Place {
  readonly line: number;
  readonly column: number;
}

/** Says in words where and why the text is not JSON. `firstLine` is the number of its first line. */
export function explainJson(text: string, firstLine = 1): string {
  const fault = findJsonFault(text);
  if (fault === undefined) return "The text is JSON, but its parts do not form events.";
  const { line, column } = placeOf(text.slice(0, fault.at));
  const end = fault.message.endsWith("?") ? "" : ".";
  const message = `Line ${firstLine + line - 1}, column ${column}: ${fault.message}${end}`;
  // In UTF-16 one byte of two of a bracket is NUL.
  return text.slice(0, 2).includes("\0") ? `${message} The text looks like UTF-16; send UTF-8.` : message;
}

/** Says in words where and why the bytes, which are known not to be UTF-8, are not. */
export function explainUtf8(body: Buffer): string {
  if ((body[0] === 0xfe && body[1] === 0xff) || (body[0] === 0xff && body[1] === 0xfe)) {
    return "The body is UTF-16, as the byte order mark at its beginning says; send UTF-8.";
  }
  if (body[0] === 0x1f && body[1] === 0x8b) {
    return "The body is not UTF-8 but looks like gzip; send the header Content-Encoding: gzip with it.";
  }
  const offset = firstBadByte(body);
  const { line, column } = placeOf(body.toString("utf8", 0, offset));
  const place = `at offset ${offset} (line ${line}, column ${column})`;
  const byte = body[offset];
  if (byte === undefined)
    return `The body is not UTF-8: it ends in the middle of a character ${place}. Was it cut off?`;
  const hex = byte.toString(16).toUpperCase().padStart(2, "0");
  return `The body is not UTF-8: the byte 0x${hex} ${place} cannot be there. Is the text in another encoding, such as Latin-1?`;
}

/** Decoding replaces what is wrong, so the bytes that come back differ there first. */
function firstBadByte(body: Buffer): number {
  const repaired = Buffer.from(body.toString("utf8"));
  let at = 0;
  while (at < body.length && body[at] === repaired[at]) at++;
  return at;
}

/** The place after the last character of `text`. */
function placeOf(text: string): Place {
  let line = 1;
  let lineStart = 0;
  for (let at = 0; at < text.length; at++) {
    if (text.charCodeAt(at) !== LINE_FEED) continue;
    line++;
    lineStart = at + 1;
  }
  return { line, column: text.length - lineStart + 1 };
}
