/**
 * Whether what has this key is among the share that is kept: the same on every node and, for
 * clients that compute it too, everywhere. Each key that is kept at a rate is kept at every higher one.
 *
 * @param rate 0 to 1
 */
export function isSampled(key: string, rate: number): boolean {
  return sampleHash(key) < rate * 2 ** 32;
}

/**
 * 32 bits that look random: FNV-1a over the key's UTF-8, and the last step of MurmurHash3, without
 * which keys that differ in their last character only would have much the same upper bits.
 */
export function sampleHash(key: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(key)) hash = Math.imul(hash ^ byte, 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
