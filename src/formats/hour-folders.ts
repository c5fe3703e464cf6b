import path from "node:path";

const HOUR_MS = 3_600_000;

/** Hours since 1970, UTC. Events are filed by the hour in which they were received. */
export type Hour = number;

export function hourOf(receivedMs: number): Hour {
  return Math.floor(receivedMs / HOUR_MS);
}

/** Unix milliseconds at which the hour is over. */
export function endOfHourMs(hour: Hour): number {
  return (hour + 1) * HOUR_MS;
}

/** The folder of an hour below the sink's own: `dt=2026-11-23/hour=07`, which Hive, Athena, Spark and DuckDB read as columns. */
export function folderOf(hour: Hour): string {
  const time = new Date(hour * HOUR_MS).toISOString();
  return path.join(`dt=${time.slice(0, 10)}`, `hour=${time.slice(11, 13)}`);
}

/** The hour of such a folder; `undefined` if it is none of ours. */
export function hourOfFolder(day: string, hour: string): Hour | undefined {
  if (!/^dt=\d{4}-\d\d-\d\d$/.test(day) || !/^hour=\d\d$/.test(hour)) return undefined;
  const startMs = Date.parse(`${day.slice(3)}T${hour.slice(5)}:00:00Z`);
  return Number.isNaN(startMs) ? undefined : hourOf(startMs);
}
