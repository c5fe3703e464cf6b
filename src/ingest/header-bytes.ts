/** About what the names and values of a request's header take, as they would in HTTP/1: with a separator after each. */
export function headerBytes(rawHeaders: readonly string[]): number {
  let bytes = 0;
  for (const text of rawHeaders) bytes += text.length + 2;
  return bytes;
}
