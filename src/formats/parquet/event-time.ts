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
/** `2026-11-23T12:00:00`, without the fraction and the `Z`. */
const SECOND_LENGTH = 19;

/** Seconds that were read, as text: under load, many events share one. */
const seconds = new Map<string, bigint>();
const MAX_SECONDS = 4_096;

/** Reads a date and time as RFC 3339 writes it; `undefined` if it is none that the calendar has. */
export function readTime(text: string): EventTime | undefined {
  return readInKnownSecond(text) ?? readAny(text);
}

function readInKnownSecond(text: string): EventTime | undefined {
  const digits = text.length - SECOND_LENGTH - 2;
  if (digits < 1 || digits > MAX_DIGITS || text[SECOND_LENGTH] !== "." || !text.endsWith("Z")) return undefined;
  const second = seconds.get(text.slice(0, SECOND_LENGTH));
  if (second === undefined) return undefined;
  let fraction = 0;
  for (let at = SECOND_LENGTH + 1; at < text.length - 1; at++) {
    const digit = text.charCodeAt(at) - 0x30;
    if (digit < 0 || digit > 9) return undefined;
    fraction = fraction * 10 + digit;
  }
  return { micros: second + BigInt(fraction * 10 ** (MAX_DIGITS - digits)), digits };
}

function readAny(text: string): EventTime | undefined {
  const parts = PATTERN.exec(text);
  if (parts === null) return undefined;
  const [, day = "", clock = "", fraction = "", zone, sign, hours, minutes] = parts;
  const local = Date.parse(`${day}T${clock}Z`);
  // A leap second is no time of this clock, and the 30th of February would become another day.
  if (Number.isNaN(local) || !new Date(local).toISOString().startsWith(day)) return undefined;
  const offsetMs = sign === undefined ? 0 : (Number(hours) * 60 + Number(minutes)) * 60_000;
  const second = BigInt(sign === "-" ? local + offsetMs : local - offsetMs) * 1000n;
  const isPlain = zone === "Z" && text[day.length] === "T";
  if (isPlain) {
    if (seconds.size >= MAX_SECONDS) seconds.clear();
    seconds.set(text.slice(0, SECOND_LENGTH), second);
  }
  return {
    micros: second + BigInt(fraction.slice(0, MAX_DIGITS).padEnd(MAX_DIGITS, "0")),
    digits: isPlain && fraction.length <= MAX_DIGITS ? fraction.length : undefined,
  };
}

/** The time in UTC with this many digits of the second's fraction, 0 to 6. */
export function printTime(micros: bigint, digits: number): string {
  const fraction = ((micros % 1_000_000n) + 1_000_000n) % 1_000_000n;
  const second = new Date(Number((micros - fraction) / 1000n)).toISOString().slice(0, -5);
  if (digits === 0) return `${second}Z`;
  return `${second}.${String(fraction).padStart(MAX_DIGITS, "0").slice(0, digits)}Z`;
}
