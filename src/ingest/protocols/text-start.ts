import { skipSpace } from "../body/json-scan.ts";

/** Where the text of a body begins: after a byte order mark and white space. */
export function textStart(body: Buffer): number {
  const hasMark = body[0] === 0xef && body[1] === 0xbb && body[2] === 0xbf;
  return skipSpace(body, hasMark ? 3 : 0, body.length);
}
