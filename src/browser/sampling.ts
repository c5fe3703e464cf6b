/** Which visitors send events: the same ones on each page and in each visit. */
export interface Sampling {
  /** 0 to 1: the share of keys that is in. */
  readonly rate: number;
  /** What stays the same for a visitor, such as an id in a cookie of yours. It is not sent. */
  readonly key: string;
}

/** Whether the key is among the share. Who is in at a rate is in at every higher one. */
export function isSampled({ rate, key }: Sampling): boolean {
  // FNV-1a, and the last step of MurmurHash3, which spreads keys that differ in one character.
  let hash = 0x811c9dc5;
  for (let index = 0; index < key.length; index++) hash = Math.imul(hash ^ key.charCodeAt(index), 0x01000193);
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return ((hash ^ (hash >>> 16)) >>> 0) / 2 ** 32 < rate;
}
