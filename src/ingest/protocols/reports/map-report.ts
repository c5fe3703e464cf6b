import type { ValidationProblem } from "../../../core/validation.ts";
import { scanMembers } from "../../../core/json-scan.ts";
import type { MappedEvent } from "../mapped-event.ts";

type Report = Readonly<Record<string, unknown>>;

/**
 * A report of the Reporting API as an event: its `body` is the data, byte for byte. What has no
 * place goes, as it was sent, into the attribute `reports`.
 *
 * @param raw the JSON text of the report
 * @param receivedMs Unix time, from which the age of the report is taken
 */
export function mapReport(report: Report, raw: Buffer, receivedMs: number): MappedEvent {
  const { type, age, url } = report;
  const time = timeBefore(receivedMs, age);
  const placed = new Set(["type", "body"]);
  if (time !== undefined) placed.add("age");
  if (typeof url === "string") placed.add("url");
  const { rest, values } = partMembers(raw, placed);
  return {
    type: typeof type === "string" && type !== "" ? `report.${type}` : type,
    time,
    attributes: { url: typeof url === "string" ? url : undefined, reports: rest },
    data: values.get("body"),
  };
}

/**
 * A violation as browsers report it to a `report-uri`. It has a type of its own, since its members
 * have other names than those of `report.csp-violation`, such as `blocked-uri` for `blockedURL`.
 */
export function mapCspReport(report: Report, raw: Buffer): MappedEvent | ValidationProblem {
  const violation = report["csp-report"];
  if (violation === undefined) return NO_VIOLATION;
  const { rest, values } = partMembers(raw, new Set(["csp-report"]));
  return {
    type: "report.csp-report",
    attributes: { url: documentOf(violation), reports: rest },
    data: values.get("csp-report"),
  };
}

const NO_VIOLATION: ValidationProblem = {
  code: "required",
  pointer: "/csp-report",
  message:
    '"csp-report" is missing: application/csp-report is an object with this member. Send reports of the Reporting API as application/reports+json.',
  expected: "an object",
};

function documentOf(violation: unknown): string | undefined {
  if (typeof violation !== "object" || violation === null || !("document-uri" in violation)) return undefined;
  const url = violation["document-uri"];
  return typeof url === "string" ? url : undefined;
}

/** `undefined` when the age, in milliseconds, is none, or leads to no time that RFC 3339 can write. */
function timeBefore(nowMs: number, age: unknown): string | undefined {
  if (typeof age !== "number" || age < 0 || age > nowMs) return undefined;
  return new Date(nowMs - age).toISOString();
}

/** The text of the members that have a place, and of all others together as an object. The last of a name counts. */
function partMembers(raw: Buffer, placed: ReadonlySet<string>) {
  const values = new Map<string, Buffer>();
  const others: string[] = [];
  for (const { keyStart, keyEnd, valueStart, valueEnd } of scanMembers(raw, 0, raw.length) ?? []) {
    const name = String(JSON.parse(raw.toString("utf8", keyStart, keyEnd)));
    if (placed.has(name)) values.set(name, raw.subarray(valueStart, valueEnd));
    else others.push(raw.toString("utf8", keyStart, valueEnd));
  }
  return { values, rest: others.length === 0 ? undefined : `{${others.join(",")}}` };
}
