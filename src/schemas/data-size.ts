/** Values and characters of member names in data whose errors are all collected. */
const MAX_VALUES = 2_000;
const MAX_NAME_CHARACTERS = 32_768;

/** Whether the number of errors in the data, and the length of their pointers, is bounded. Stops looking when it is not. */
export function isSmall(data: unknown): boolean {
  let values = 0;
  let characters = 0;
  const pending = [data];
  while (pending.length > 0) {
    const value = pending.pop();
    if (++values > MAX_VALUES) return false;
    if (typeof value !== "object" || value === null) continue;
    if (Array.isArray(value)) {
      if (values + value.length > MAX_VALUES) return false;
      pending.push(...value);
      continue;
    }
    const names = Object.keys(value);
    if (values + names.length > MAX_VALUES) return false;
    for (const name of names) characters += name.length;
    if (characters > MAX_NAME_CHARACTERS) return false;
    pending.push(...Object.values(value));
  }
  return true;
}

/** The number of values in the data, at every depth, itself included. */
export function countValues(data: unknown): number {
  let values = 0;
  const pending = [data];
  while (pending.length > 0) {
    const value = pending.pop();
    values++;
    if (typeof value !== "object" || value === null) continue;
    for (const member of Object.values(value)) pending.push(member);
  }
  return values;
}
