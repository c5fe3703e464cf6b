import { isUtf8 } from "node:buffer";
import type { ValidationProblem } from "../../../core/validation.ts";
import { type ScannedValue, scanElements, scanValue, trimEnd } from "../../../core/json-scan.ts";
import { notAnObject } from "../event-form.ts";
import { brokenLimit } from "../event-limits.ts";
import type { EventLimits, IncomingBody, IncomingItem, UnreadableBody } from "../incoming-event.ts";
import { type MappedEvent, mappedItem } from "../mapped-event.ts";
import { parseJson } from "../parse-json.ts";
import { explainJson, explainUtf8 } from "../text-fault.ts";
import { textStart } from "../text-start.ts";
import { mapCspReport, mapReport } from "./map-report.ts";
import { malformedItem } from "../malformed-item.ts";
import { isObject } from "../json-object.ts";
import { tooManyEvents, unreadable } from "../unreadable.ts";

const OPEN_ARRAY = 0x5b;

/** What one report is as an event, or why it is none. */
type ReportMapping = (report: Readonly<Record<string, unknown>>, raw: Buffer) => MappedEvent | ValidationProblem;

/** Reads `application/reports+json`: an array of reports, or one. */
export function readReports(body: Buffer, limits: EventLimits, receivedMs: number): IncomingBody {
  return readEach(body, limits, (report, raw) => mapReport(report, raw, receivedMs));
}

/** Reads `application/csp-report`: one report, and no time but that of the request. */
export function readCspReport(body: Buffer, limits: EventLimits): IncomingBody {
  return readEach(body, limits, mapCspReport);
}

function* readEach(body: Buffer, limits: EventLimits, map: ReportMapping): IncomingBody {
  if (!isUtf8(body)) return unreadable("invalid_utf8", explainUtf8(body));
  const start = textStart(body);
  const end = trimEnd(body, start, body.length);
  if (start === end) return unreadable("empty_body", "The body is empty; send an array of reports.");
  const reports = scanReports(body, start, end, limits.maxEventsPerRequest);
  if (reports === undefined) return invalidJson(body, start);
  if (reports.length === 0) return unreadable("no_events", "The array holds no reports.");
  if (reports.length > limits.maxEventsPerRequest) {
    return tooManyEvents(limits, "reports");
  }
  for (const report of reports) {
    const item = readReport(body, report, limits, map);
    if (item === undefined) return invalidJson(body, start);
    yield item;
  }
  return undefined;
}

function scanReports(body: Buffer, start: number, end: number, most: number): readonly ScannedValue[] | undefined {
  if (body[start] === OPEN_ARRAY) return scanElements(body, start, end, most);
  const scanned = scanValue(body, start, end);
  return scanned.end === end ? [scanned] : undefined;
}

/** `undefined` when its text is not JSON. */
function readReport(
  body: Buffer,
  scanned: ScannedValue,
  limits: EventLimits,
  map: ReportMapping,
): IncomingItem | undefined {
  const raw = body.subarray(scanned.start, scanned.end);
  const limit = brokenLimit(scanned, limits);
  if (limit !== undefined) return malformedItem(raw, limit, false);
  const report = parseJson(raw);
  if (report === undefined) return undefined;
  if (!isObject(report)) return malformedItem(raw, notAnObject(report), true);
  const mapped = map(report, raw);
  return "code" in mapped ? malformedItem(raw, mapped, true) : mappedItem(mapped, limits);
}

function invalidJson(body: Buffer, start: number): UnreadableBody {
  return unreadable("invalid_json", explainJson(body.toString("utf8", start)));
}
