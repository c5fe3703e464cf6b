/** The step of a pointer that stands for every element of an array and every member of an object. */
export const EVERY = "*";

/**
 * The steps of a JSON Pointer (RFC 6901) other than the empty one; `undefined` for what is none.
 * One step more than the standard has: {@link EVERY}.
 */
export function pointerSteps(pointer: string): readonly string[] | undefined {
  if (!/^(\/([^~/]|~[01])*)+$/.test(pointer)) return undefined;
  return pointer
    .slice(1)
    .split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
}

/** Whether what one pointer names holds, or is within, what the other names. */
export function touches(one: readonly string[], other: readonly string[]): boolean {
  const common = Math.min(one.length, other.length);
  for (let at = 0; at < common; at++) {
    const [a, b] = [one[at], other[at]];
    if (a !== b && a !== EVERY && b !== EVERY) return false;
  }
  return true;
}
