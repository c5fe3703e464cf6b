/** A UUIDv7 (RFC 9562): ids made later sort later, to the millisecond. */
export function newEventId(nowMs: number): string {
  let hex = Math.floor(nowMs).toString(16).padStart(12, "0");
  for (const [index, byte] of crypto.getRandomValues(new Uint8Array(10)).entries()) {
    const marked = index === 0 ? (byte & 0x0f) | 0x70 : index === 2 ? (byte & 0x3f) | 0x80 : byte;
    hex += (marked + 0x100).toString(16).slice(1);
  }
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}
