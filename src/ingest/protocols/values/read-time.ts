import { isRfc3339 } from "../rfc3339.ts";

const UNIX = /^(\d{1,19})(?:\.(\d{1,40}))?$/;

/** RFC 3339 has years of four digits. */
const END_OF_9999 = 253_402_300_800;

/**
 * A time as programs write it, in RFC 3339; `undefined` when it reads as none.
 *
 * @param text RFC 3339, which stays as it is; or Unix time as a number, in digits. The size of its
 *   integer tells the unit: below 1e11 seconds (the year 5138), below 1e14 milliseconds, below 1e17
 *   microseconds, else nanoseconds. No digit is rounded away, up to nanoseconds.
 */
export function readTime(text: string): string | undefined {
  if (isRfc3339(text)) return text;
  const parts = UNIX.exec(plainDigits(text));
  if (parts === null) return undefined;
  const [, digits = "", decimals = ""] = parts;
  const integer = digits.replace(/^0+(?=\d)/, "");
  const subSecond = integer.length <= 11 ? 0 : integer.length <= 14 ? 3 : integer.length <= 17 ? 6 : 9;
  const point = integer.length - subSecond;
  const seconds = Number(integer.slice(0, point));
  if (seconds >= END_OF_9999) return undefined;
  return printTime(seconds, (integer.slice(point) + decimals).slice(0, 9));
}

/** @param fraction digits after the point, at most 9 */
export function printTime(seconds: number, fraction: string): string {
  const whole = new Date(seconds * 1000).toISOString().slice(0, "2026-01-31T12:00:00".length);
  const digits = fraction.replace(/0+$/, "");
  return digits === "" ? `${whole}Z` : `${whole}.${digits.padEnd(3, "0")}Z`;
}

/** A number with an exponent, such as `1.7e9`, without it. */
function plainDigits(text: string): string {
  return /^\d[\d.]{0,30}[eE][+]?\d{1,2}$/.test(text) ? String(Number(text)) : text;
}
