/** A time that an event gives as text. */
export interface EventTime {
  /** Microseconds since 1970; what is finer is cut off. */
  readonly micros: bigint;
  /**
   * Digits of the second's fraction, if the text is what `printTime` makes of them: so much need be known to
   * have the text back. `undefined` for any other spelling.
   */
  readonly digits: number | undefined;
}

const PATTERN = /^(\d{4}-\d\d-\d\d)[Tt](\d\d:\d\d:\d\d)(?:\.(\d{1,40}))?([Zz]|([+-])(\d\d):(\d\d))$/;
const MAX_DIGITS = 6;

/** Reads a date and time as RFC 3339 writes it; `undefined` if it is none that the calendar has. */
export function readTime(text: string): EventTime | undefined {
  const parts = PATTERN.exec(text);
  if (parts === null) return undefined;
  const [, day = "", clock = "", fraction = "", zone, sign, hours, minutes] = parts;
  const local = Date.parse(`${day}T${clock}Z`);
  // A leap second is no time of this clock, and the 30th of February would become another day.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(day)) return undefined;
  const offsetMs = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * 60_000;
  const ms = sign === "-" ? local + offsetMs : local - offsetMs;
  const micros = BigInt(ms) * 1000n + BigInt(fraction.slice(0, MAX_DIGITS).padEnd(MAX_DIGITS, "0"));
  const isPlain = zone === "Z" && text[10] === "T" && fraction.length <= MAX_DIGITS;
  return { micros, digits: isPlain ? fraction.length : undefined };
}

/** The time in UTC with this many digits of the second's fraction, 0 to 6. */
export function printTime(micros: bigint, digits: number): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, -5);
  if (digits === 0) return `${second}Z`;
  return `${second}.${String(fraction).padStart(MAX_DIGITS, "0").slice(0, digits)}Z`;
}
