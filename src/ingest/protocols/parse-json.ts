/** What a range of bytes says; `undefined`, which no JSON is, when it is not JSON. */
export function parseJson(bytes: Buffer, start = 0, end = bytes.length): unknown {
  try {
    return JSON.parse(bytes.toString("utf8", start, end));
  } catch {
    return undefined;
  }
}
