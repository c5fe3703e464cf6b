/*
 * Equality of JSON values for `const`, `enum` and `uniqueItems`. Ajv's own calls the
 * value's `valueOf` and `toString`, which data can replace with a number to make it throw,
 * and compares all pairs of a list, which a sender can make arbitrarily long.
 */

export function jsonEquals(a: unknown, b: unknown): boolean {
  if (a === b) return true;
  if (typeof a !== "object" || typeof b !== "object" || a === null || b === null) return false;
  return canonicalText(a) === canonicalText(b);
}

/** A test for membership in a list of JSON values, in time that does not grow with the list. */
export function memberOf(values: readonly unknown[]): (value: unknown) => boolean {
  const scalars = new Set(values.filter((value) => typeof value !== "object" || value === null));
  const texts = new Set(values.filter((value) => typeof value === "object" && value !== null).map(canonicalText));
  return (value) =>
    typeof value === "object" && value !== null
      ? texts.size > 0 && texts.has(canonicalText(value))
      : scalars.has(value);
}

/** The indexes of the first element that equals an earlier one; `undefined` when all differ. Linear in the data. */
export function firstRepeat(list: readonly unknown[]): readonly [number, number] | undefined {
  if (list.length < 2) return undefined;
  const scalars = new Map<unknown, number>();
  const texts = new Map<string, number>();
  for (let index = 0; index < list.length; index++) {
    const value = list[index];
    const isObject = typeof value === "object" && value !== null;
    const earlier = isObject ? texts.get(canonicalText(value)) : scalars.get(value);
    if (earlier !== undefined) return [earlier, index];
    if (isObject) texts.set(canonicalText(value), index);
    else scalars.set(value, index);
  }
  return undefined;
}

/** JSON with the members of every object in one order, so that equal values have equal texts. */
function canonicalText(value: unknown): string {
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "null";
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(",")}]`;
  const members = Object.entries(value).map(([name, member]) => `${JSON.stringify(name)}:${canonicalText(member)}`);
  return `{${members.toSorted().join(",")}}`;
}
