const DATE_TIME =
  /^(\d{4})-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])[Tt](?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?(?:[Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** Room for any fraction a clock can produce; keeps the pattern away from hostile lengths. */
const MAX_LENGTH = 64;

/** Whether the text is a date and time with its offset, as RFC 3339 writes them and the calendar has them. */
export function isRfc3339(text: string): boolean {
  if (text.length > MAX_LENGTH) return false;
  const parts = DATE_TIME.exec(text);
  if (parts === null) return false;
  const day = Number(parts[3]);
  return day <= 28 || day <= daysInMonth(Number(parts[1]), Number(parts[2]));
}

function daysInMonth(year: number, month: number): number {
  if (month === 2) return year % 4 === 0 && (year % 100 !== 0 || year % 400 === 0) ? 29 : 28;
  return month === 4 || month === 6 || month === 9 || month === 11 ? 30 : 31;
}
