const FIRST_MS = 1_000;
const MOST_MS = 60_000;

/**
 * How long to wait after so many failures in a row. The wait is drawn from all of its range, so that
 * pages that failed together do not come back together.
 *
 * @param failures 1 or more
 * @param random 0 to below 1
 */
export function backoffMs(failures: number, random: number): number {
  return random * Math.min(MOST_MS, FIRST_MS * 2 ** (failures - 1));
}
