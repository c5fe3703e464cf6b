import type { EventValidator, ValidationProblem, Verdict } from "../core/validation.ts";
import { escapeUnsafe, foundWords, listed } from "./value-words.ts";

/** What the schemas say of one event of a file. */
export interface TestedEvent {
  /** Place among the file's events, from 0. */
  readonly index: number;
  /** Line in the file, from 1; `undefined` unless the file has one event a line. */
  readonly line: number | undefined;
  readonly id: string | undefined;
  readonly type: string | undefined;
  readonly verdict: Verdict;
}

/** How the events of a file fared, for a program to read. */
export interface TestReport {
  readonly events: number;
  readonly valid: number;
  readonly invalid: number;
  readonly unknownType: number;
  readonly results: readonly TestResult[];
}

export interface TestResult {
  readonly index: number;
  readonly line?: number;
  readonly id?: string;
  readonly type?: string;
  readonly verdict: Verdict["kind"];
  readonly problems: readonly ValidationProblem[];
}

/**
 * Validates the events of a file: one JSON object, an array of them, or one a line (NDJSON). Text that is
 * not JSON counts as an invalid event, so that the rest of a file is still tested.
 */
export function* testEvents(text: string, validator: EventValidator): Generator<TestedEvent> {
  const content = text.replace(/^\uFEFF/, "");
  if (content.trim() === "") return;
  const whole = parse(content);
  if (whole.kind === "value") {
    const values: readonly unknown[] = Array.isArray(whole.value) ? whole.value : [whole.value];
    for (const [index, value] of values.entries()) yield testEvent(value, index, undefined, validator);
    return;
  }
  const rows = content.split("\n");
  // A mistake in an object or array over several lines is one mistake, not one a line.
  if (!rows.some(isObjectText)) {
    yield notJson(whole.reason, 0, undefined);
    return;
  }
  let index = 0;
  let line = 0;
  for (const row of rows) {
    line++;
    if (row.trim() === "") continue;
    const parsed = parse(row);
    yield parsed.kind === "value"
      ? testEvent(parsed.value, index, line, validator)
      : notJson(parsed.reason, index, line);
    index++;
  }
}

/** The same as a plain object, complete. */
export function testReport(tested: Iterable<TestedEvent>): TestReport {
  const results = Array.from(tested, ({ index, line, id, type, verdict }): TestResult => ({
    index,
    ...(line === undefined ? {} : { line }),
    ...(id === undefined ? {} : { id }),
    ...(type === undefined ? {} : { type }),
    verdict: verdict.kind,
    problems: verdict.kind === "valid" ? [] : verdict.problems,
  }));
  const count = (kind: Verdict["kind"]) => results.filter((result) => result.verdict === kind).length;
  return {
    events: results.length,
    valid: count("valid"),
    invalid: count("invalid"),
    unknownType: count("unknown_type"),
    results,
  };
}

/** The report for a person: what is wrong, event by event, and the sums at the end. */
export function formatReport(report: TestReport): string {
  const lines: string[] = [];
  for (const result of report.results) {
    if (result.verdict === "valid") continue;
    const place = result.line === undefined ? `event ${result.index + 1}` : `line ${result.line}`;
    const name = [result.type, result.id === undefined ? undefined : `(id ${result.id})`].filter(
      (part) => part !== undefined,
    );
    lines.push(escapeUnsafe([`${place}:`, ...name].join(" ")));
    for (const { pointer, message } of result.problems)
      lines.push(`  ${escapeUnsafe(pointer === "" ? "/" : pointer)}  ${message}`);
  }
  const sums = [
    `${report.valid} valid`,
    `${report.invalid} invalid`,
    ...(report.unknownType === 0 ? [] : [`${report.unknownType} without a schema`]),
  ];
  lines.push(`${report.events} ${report.events === 1 ? "event" : "events"}: ${listed(sums, "and")}.`);
  return `${lines.join("\n")}\n`;
}

function testEvent(value: unknown, index: number, line: number | undefined, validator: EventValidator): TestedEvent {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    const message = `An event must be an object, but this is ${foundWords(value)}.`;
    return invalid(index, line, { code: "type", pointer: "", message });
  }
  const event = new Map<string, unknown>(Object.entries(value));
  const [id, type, dataschema] = ["id", "type", "dataschema"].map((name) => {
    const member = event.get(name);
    return typeof member === "string" ? member : undefined;
  });
  if (type === undefined || type === "") {
    const message = event.has("type")
      ? `"type" must be a name such as "checkout.paid", but is ${foundWords(event.get("type"))}.`
      : '"type" is missing (a name such as "checkout.paid").';
    const code = event.has("type") ? "type" : "required";
    return { ...invalid(index, line, { code, pointer: "/type", message }), id };
  }
  return { index, line, id, type, verdict: validator.validate(type, dataschema, event.get("data")) };
}

function notJson(reason: string, index: number, line: number | undefined): TestedEvent {
  return invalid(index, line, {
    code: "type",
    pointer: "",
    message: `This is not JSON: ${escapeUnsafe(reason)}.`,
  });
}

function invalid(index: number, line: number | undefined, problem: ValidationProblem): TestedEvent {
  return { index, line, id: undefined, type: undefined, verdict: { kind: "invalid", problems: [problem] } };
}

type Parsed = { readonly kind: "value"; readonly value: unknown } | { readonly kind: "bad"; readonly reason: string };

function parse(text: string): Parsed {
  try {
    return { kind: "value", value: JSON.parse(text) };
  } catch (error) {
    return { kind: "bad", reason: error instanceof Error ? error.message : String(error) };
  }
}

function isObjectText(text: string): boolean {
  const parsed = parse(text);
  return parsed.kind === "value" && typeof parsed.value === "object";
}
