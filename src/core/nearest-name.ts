/** Longer names are never suggested for, nor suggested: comparing them costs time that a hostile sender would choose. */
const MAX_NAME_LENGTH = 255;
/** Lower case can be longer than what it was made from: "İ" becomes two code units. */
const MAX_LOWER_LENGTH = 3 * MAX_NAME_LENGTH;
/** How many names are compared in full; types and properties beyond that are not looked at. */
const MAX_COMPARED = 1_000;

/**
 * The candidate that `name` most likely meant, or `undefined` when none is near: equal
 * but for case and separators, else within one edit per four characters (at most three).
 */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length === 0 || name.length > MAX_NAME_LENGTH) return undefined;
  const wanted = name.toLowerCase();
  const letters = lettersOf(wanted);
  const wantedSet = asciiSet(wanted);
  let nearest: string | undefined;
  let bound = Math.min(3, Math.ceil(name.length / 4)) + 1;
  let compared = 0;
  for (const candidate of candidates) {
    if (candidate === name || candidate.length > MAX_NAME_LENGTH) continue;
    if (Math.abs(candidate.length - name.length) > 8) continue;
    if (++compared > MAX_COMPARED) break;
    const other = candidate.toLowerCase();
    const differing = bitCount(asciiSet(other) ^ wantedSet);
    if (differing === 0 && letters !== "" && lettersOf(other) === letters) return candidate;
    // One edit adds, removes or replaces one character: it changes at most two members of the set.
    if (differing > 2 * (bound - 1)) continue;
    const distance = editDistance(wanted, other, bound);
    // In a name of one or two characters a replaced one is a different name, not a typing error.
    if (distance < bound && distance < Math.min(name.length, candidate.length)) {
      nearest = candidate;
      bound = distance;
    }
  }
  return nearest;
}

function lettersOf(name: string): string {
  return name.replaceAll(/[^\p{L}\p{N}]/gu, "");
}

/** Which ASCII letters and digits a lower-case name has, as bits; some digits share one. Tells most names apart at once. */
function asciiSet(name: string): number {
  let set = 0;
  for (let index = 0; index < name.length; index++) {
    const code = name.charCodeAt(index);
    if (code >= LOWER_A && code <= LOWER_Z) set |= 1 << (code - LOWER_A);
    else if (code >= DIGIT_0 && code <= DIGIT_9) set |= 1 << (26 + ((code - DIGIT_0) % 6));
  }
  return set;
}

const [LOWER_A, LOWER_Z, DIGIT_0, DIGIT_9] = [0x61, 0x7a, 0x30, 0x39];

function bitCount(bits: number): number {
  let count = 0;
  for (let left = bits; left !== 0; left &= left - 1) count++;
  return count;
}

/** The last three rows of the table of distances, used in turn: a comparison allocates nothing. */
const rows: [Uint8Array, Uint8Array, Uint8Array] = [
  new Uint8Array(MAX_LOWER_LENGTH + 1),
  new Uint8Array(MAX_LOWER_LENGTH + 1),
  new Uint8Array(MAX_LOWER_LENGTH + 1),
];

/**
 * Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, or `bound` when there
 * are that many or more. Looks only at a band of `bound` around the diagonal.
 */
function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) >= bound) return bound;
  let [beforeLast, last, current] = rows;
  for (let column = 0; column <= b.length; column++) last[column] = Math.min(column, bound);
  for (let row = 1; row <= a.length; row++) {
    current.fill(bound, 0, b.length + 1);
    current[0] = Math.min(row, bound);
    let lowest = Math.min(row, bound);
    const code = a.charCodeAt(row - 1);
    const end = Math.min(b.length, row + bound);
    for (let column = Math.max(1, row - bound); column <= end; column++) {
      const replaced = (last[column - 1] ?? bound) + (code === b.charCodeAt(column - 1) ? 0 : 1);
      let best = Math.min(replaced, (last[column] ?? bound) + 1, (current[column - 1] ?? bound) + 1, bound);
      if (
        row > 1 &&
        column > 1 &&
        code === b.charCodeAt(column - 2) &&
        a.charCodeAt(row - 2) === b.charCodeAt(column - 1)
      ) {
        best = Math.min(best, (beforeLast[column - 2] ?? bound) + 1);
      }
      current[column] = best;
      lowest = Math.min(lowest, best);
    }
    if (lowest >= bound) return bound;
    [beforeLast, last, current] = [last, current, beforeLast];
  }
  return last[b.length] ?? bound;
}
