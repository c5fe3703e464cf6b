import { skipSpace } from "../../core/json-scan.ts";

/** Of the byte order mark that a body begins with: 3, or 0. */
export function markBytes(body: Buffer): number {
  return body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf ? 3 : 0;
}

/** Where the text of a body begins: after a byte order mark and white space. */
export function textStart(body: Buffer): number {
  return skipSpace(body, markBytes(body), body.length);
}
