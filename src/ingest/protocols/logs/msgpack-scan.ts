import { MAX_MEMBER_NAME_BYTES, type ScannedValue } from "../../../core/json-scan.ts";

/** What follows the first byte of a value. */
const UNKNOWN = 0;
/** So many bytes as `SIZES` says. */
const FIXED = 1;
/** A length in as many bytes as `SIZES` says, and so many bytes. */
const BYTES = 2;
/** As BYTES, and a type that the length does not count. */
const EXTENSION = 3;
/** A length, and so many values; without a size in `SIZES` the length is in the first byte. */
const ARRAY = 4;
/** As ARRAY, with a name before each value. */
const MAP = 5;

const FORMS = new Uint8Array(256).fill(FIXED);
const SIZES = new Uint8Array(256);
FORMS[0xc1] = UNKNOWN;
for (let type = 0x80; type < 0xa0; type++) FORMS[type] = type < 0x90 ? MAP : ARRAY;
for (let type = 0xa0; type < 0xc0; type++) SIZES[type] = type - 0xa0;
for (const [first, form] of [
  [0xc4, BYTES],
  [0xc7, EXTENSION],
  [0xd9, BYTES],
] as const) {
  for (const [index, size] of [1, 2, 4].entries()) {
    FORMS[first + index] = form;
    SIZES[first + index] = size;
  }
}
// Floats, integers, and extensions of a fixed length with their type.
SIZES.set([4, 8, 1, 2, 4, 8, 1, 2, 4, 8, 2, 3, 5, 9, 17], 0xca);
FORMS.set([ARRAY, ARRAY, MAP, MAP], 0xdc);
SIZES.set([2, 4, 2, 4], 0xdc);

/**
 * Finds where a MessagePack value ends, and how deep and large it is, before anything is built of
 * it: as `scanValue` does for JSON. `undefined` when it is cut off, has a byte that MessagePack has
 * no meaning for, or has more members and elements than anyone looks for the end of.
 *
 * @param maxDepth beyond this many levels depth is not counted any further
 * @param maxKeys beyond this many members and elements the end is not looked for
 */
// Without an allocation for a value: a hostile body has one in every byte.
export function scanMsgpack(
  bytes: Buffer,
  start: number,
  end: number,
  maxDepth: number,
  maxKeys: number,
): ScannedValue | undefined {
  // Of the value itself, and of each open container: how many values are still to come.
  const left: number[] = [1];
  const isMap: boolean[] = [false];
  let pending = 1;
  let seen = 0;
  let depth = 0;
  let keys = 0;
  let ownKeys = 0;
  let longName = false;
  let at = start;
  while (pending > 0) {
    // Each value takes a byte at least. Also keeps what a hostile length promises out of the sums.
    if (pending > end - at || seen++ > 2 * maxKeys) return undefined;
    const type = bytes[at++] ?? 0;
    const form = FORMS[type] ?? UNKNOWN;
    const size = SIZES[type] ?? 0;
    let length = 0;
    if (form === FIXED) length = size;
    else if (size === 0) length = type % 16;
    else for (let index = 0; index < size; index++) length = length * 256 + (bytes[at++] ?? 0);
    if (form === UNKNOWN) return undefined;
    pending--;
    const isContainer = form === ARRAY || form === MAP;
    if (isContainer) {
      pending += form === MAP ? 2 * length : length;
      keys += length;
      if (depth === 0) ownKeys = length;
    } else at += form === EXTENSION ? length + 1 : length;
    if (depth > maxDepth) continue;

    const level = left.length - 1;
    const nowLeft = (left[level] ?? 0) - 1;
    left[level] = nowLeft;
    // Of an open map every second value, from the first on, is a name.
    if (length > MAX_MEMBER_NAME_BYTES && !isContainer && isMap[level] === true && nowLeft % 2 === 1) longName = true;
    if (isContainer) {
      left.push(form === MAP ? 2 * length : length);
      isMap.push(form === MAP);
      if (level + 1 > depth) depth = level + 1;
    }
    while (left.length > 1 && left.at(-1) === 0) {
      left.pop();
      isMap.pop();
    }
  }
  return at > end ? undefined : { start, end: at, depth, keys, ownKeys, longName };
}
