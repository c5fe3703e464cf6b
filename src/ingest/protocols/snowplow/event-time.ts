import type { ValidationProblem } from "../../../core/validation.ts";
import type { SnowplowParameters } from "./snowplow-parameters.ts";

/** The last millisecond that RFC 3339 can write. */
const MAX_MS = Date.UTC(9999, 11, 31, 23, 59, 59, 999);

/**
 * When an event happened, in RFC 3339: as its sender knows for sure (`ttm`), else by the device's
 * clock (`dtm`), corrected by as much as that was wrong when it sent the event (`stm`). `undefined`: not
 * before it was received.
 *
 * The correction is Snowplow's `derived_tstamp`: received - (stm - dtm), and the received time where
 * `dtm` does not lie before `stm`.
 */
export function eventTime(
  parameters: SnowplowParameters,
  receivedMs: number,
): { readonly time: string | undefined } | ValidationProblem {
  const trueMs = unixMs(parameters, "ttm");
  if (typeof trueMs === "object") return trueMs;
  const createdMs = unixMs(parameters, "dtm");
  if (typeof createdMs === "object") return createdMs;
  const sentMs = unixMs(parameters, "stm");
  if (typeof sentMs === "object") return sentMs;
  if (trueMs !== undefined) return { time: iso(trueMs) };
  if (createdMs === undefined) return { time: undefined };
  if (sentMs === undefined) return { time: iso(createdMs) };
  const derivedMs = receivedMs - (sentMs - createdMs);
  // A device that was off by decades says nothing about the time.
  return { time: createdMs < sentMs && derivedMs >= 0 ? iso(derivedMs) : undefined };
}

function unixMs(parameters: SnowplowParameters, name: string): number | undefined | ValidationProblem {
  const text = parameters.get(name)?.text;
  if (text === undefined || text === "") return undefined;
  const ms = /^\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (ms <= MAX_MS) return ms;
  const found = JSON.stringify(text.slice(0, 60));
  return {
    code: "invalid_attribute",
    pointer: `/${name}`,
    message: `"${name}" must be Unix time in milliseconds, such as "1769860800000"; found ${found}.`,
    expected: "Unix time in milliseconds",
    found,
  };
}

function iso(ms: number): string {
  return new Date(ms).toISOString();
}
