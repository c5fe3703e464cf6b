/** The value of an option of a benchmark: a positive number. Throws when it is not. */
export function numberOption(name: string, text: string, { whole = false } = {}): number {
  const value = Number(text);
  if (value > 0 && Number.isFinite(value) && (!whole || Number.isInteger(value))) return value;
  throw new Error(`--${name} takes a ${whole ? "whole " : ""}number above 0, not ${text}`);
}
