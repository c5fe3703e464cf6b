const BYTES = 16;
/** Ids of one millisecond are told apart by a counter of 12 bits, which begins in its lower half. */
const COUNTER_LIMIT = 1 << 12;
const COUNTER_START = 1 << 11;

let lastMs = 0;
let counter = 0;

/**
 * A UUID of version 7 (https://www.rfc-editor.org/rfc/rfc9562#section-5.7). Ids that one process makes sort in
 * the order in which they were made, also when its clock is set back.
 */
export function uuidV7(nowMs = Date.now()): string {
  const bytes = crypto.getRandomValues(new Uint8Array(BYTES));
  const view = new DataView(bytes.buffer);
  counter++;
  if (nowMs > lastMs || counter === COUNTER_LIMIT) {
    lastMs = Math.max(nowMs, lastMs + 1);
    counter = view.getUint16(6) % COUNTER_START;
  }
  view.setUint16(0, Math.floor(lastMs / 2 ** 32));
  view.setUint32(2, lastMs % 2 ** 32);
  view.setUint16(6, 0x7000 | counter);
  view.setUint8(8, 0x80 | (view.getUint8(8) & 0x3f));
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join("");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
