const WORD = 2 ** 32;

/** Writes a whole number from 0 to 2^53 - 1 as an unsigned 64-bit little-endian integer, without a BigInt. */
export function writeUint64(buffer: Buffer, value: number, at: number): void {
  buffer.writeUInt32LE(value % WORD, at);
  buffer.writeUInt32LE(Math.floor(value / WORD), at + 4);
}

/** Reads what `writeUint64` wrote. A damaged one may be above 2^53, and then is not exact. */
export function readUint64(buffer: Buffer, at: number): number {
  return buffer.readUInt32LE(at + 4) * WORD + buffer.readUInt32LE(at);
}
