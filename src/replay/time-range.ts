import { endOfHourMs, type Hour, hourOf } from "../formats/hour-folders.ts";

/** From `sinceMs` up to, not including, `untilMs`, both in Unix milliseconds, by the time of receipt. */
export interface TimeRange {
  readonly sinceMs: number;
  readonly untilMs: number;
}

export const ALL_TIME: TimeRange = { sinceMs: Number.NEGATIVE_INFINITY, untilMs: Number.POSITIVE_INFINITY };

export function holds({ sinceMs, untilMs }: TimeRange, ms: number): boolean {
  return ms >= sinceMs && ms < untilMs;
}

/** Whether events of an hour may be within the range; of an unknown hour they always may. */
export function mayHold({ sinceMs, untilMs }: TimeRange, hour: Hour | undefined): boolean {
  return hour === undefined || (endOfHourMs(hour) > sinceMs && endOfHourMs(hour - 1) < untilMs);
}

const UNIT_MS: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** `2026-11-23`, `2026-11-23T07:00:00Z`, or `2h` for so long ago, as Unix milliseconds; `undefined` when it is none. */
export function readTime(text: string, nowMs: number): number | undefined {
  const ago = /^(\d+(?:\.\d+)?)([smhdw])$/.exec(text);
  if (ago !== null) return nowMs - Number(ago[1]) * (UNIT_MS[ago[2] ?? ""] ?? 0);
  // A time without an offset would be that of the machine.
  if (!/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d))?$/.test(text)) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}

/** The hour in which an id was made that tells its time: a UUID of version 7. */
export function hourOfId(id: string): Hour | undefined {
  const match = /^([0-9a-f]{8})-([0-9a-f]{4})-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/i.exec(id);
  return match === null ? undefined : hourOf(Number.parseInt(`${match[1]}${match[2]}`, 16));
}
