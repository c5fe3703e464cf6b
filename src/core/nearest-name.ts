/** Longer names are never suggested for, nor suggested: comparing them costs time that a hostile sender would choose. */
const MAX_NAME_LENGTH = 255;
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
  let nearest: string | undefined;
  let bound = Math.min(3, Math.ceil(name.length / 4)) + 1;
  let compared = 0;
  for (const candidate of candidates) {
    if (candidate === name || candidate.length > MAX_NAME_LENGTH) continue;
    if (Math.abs(candidate.length - name.length) > 8) continue;
    if (++compared > MAX_COMPARED) break;
    const other = candidate.toLowerCase();
    if (letters !== "" && lettersOf(other) === letters) return candidate;
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

/**
 * Edits (insert, delete, replace, swap of neighbours) from `a` to `b`, or `bound` when there
 * are that many or more. Looks only at a band of `bound` around the diagonal.
 */
function editDistance(a: string, b: string, bound: number): number {
  if (Math.abs(a.length - b.length) >= bound) return bound;
  const width = b.length + 1;
  let beforeLast = Array.from({ length: width }, () => bound);
  let last = Array.from({ length: width }, (_, column) => Math.min(column, bound));
  for (let row = 1; row <= a.length; row++) {
    const current = Array.from({ length: width }, () => bound);
    if (row < bound) current[0] = row;
    let lowest = current[0] ?? bound;
    const end = Math.min(b.length, row + bound);
    for (let column = Math.max(1, row - bound); column <= end; column++) {
      const replaced = (last[column - 1] ?? bound) + (a[row - 1] === b[column - 1] ? 0 : 1);
      let best = Math.min(replaced, (last[column] ?? bound) + 1, (current[column - 1] ?? bound) + 1, bound);
      if (row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1]) {
        best = Math.min(best, (beforeLast[column - 2] ?? bound) + 1);
      }
      current[column] = best;
      lowest = Math.min(lowest, best);
    }
    if (lowest >= bound) return bound;
    beforeLast = last;
    last = current;
  }
  return last[b.length] ?? bound;
}
