import type { EventProblem } from "./client-options.ts";

/** The part of an answer that decides what becomes of the events. */
export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** What an answer means for the events of its request. */
export type Outcome =
  /** The collector has all that it did not reject; `rejected` is by place in the request. */
  | {
      readonly kind: "taken";
      readonly rejected: ReadonlyMap<number, readonly EventProblem[]>;
      readonly isConfirmed: boolean;
    }
  /** Nothing is known to be taken, and the same request may succeed later. */
  | ({ readonly kind: "again" } & Failure)
  /** Too much in one request. */
  | ({ readonly kind: "split" } & Failure)
  /** Compressed too well for the collector's caution. */
  | ({ readonly kind: "uncompressed" } & Failure)
  /** Nothing is taken, nor will be. */
  | ({ readonly kind: "refused" } & Failure);

export interface Failure {
  readonly code: string;
  readonly message: string;
}

/** Reads the answer to a request with so many events, by the rules of `docs/http-api.md` and `docs/errors.md`. */
export function readAnswer({ status, body }: Answer, events: number): Outcome {
  const told = parseObject(body);
  const isConfirmed = told["delivery"] === undefined || told["delivery"] === "delivered";
  if (status >= 200 && status < 300) {
    if (status !== 207) return { kind: "taken", rejected: new Map(), isConfirmed };
    const rejected = rejectedPlaces(told["results"], events);
    if (rejected !== undefined) return { kind: "taken", rejected, isConfirmed };
    // Which events are taken is not known: with the same ids it does no harm to send them again.
    return { kind: "again", code: "answer_unreadable", message: "The answer has no results that can be read." };
  }
  const code = textAt(told, "code") ?? `http_${status}`;
  const message = textAt(told, "detail") ?? textAt(told, "title") ?? `The answer had the status ${status}.`;
  if (code === "events_invalid") {
    const rejected = rejectedPlaces(told["results"], events);
    if (rejected?.size === events) return { kind: "taken", rejected, isConfirmed: true };
  }
  if (code === "inflate_ratio_exceeded") return { kind: "uncompressed", code, message };
  if (status === 413 && events > 1) return { kind: "split", code, message };
  const mayPass = status >= 500 || status === 408 || status === 425 || status === 429 || code === "body_incomplete";
  if (mayPass) return { kind: "again", code, message };
  if (status < 400) {
    return { kind: "refused", code, message: "The URL leads elsewhere. Give the client the URL it leads to." };
  }
  return { kind: "refused", code, message };
}

/** The problems of what was rejected, by place; `undefined` unless there is a result for each event. */
function rejectedPlaces(results: unknown, events: number): Map<number, readonly EventProblem[]> | undefined {
  if (!Array.isArray(results) || results.length !== events) return undefined;
  const rejected = new Map<number, readonly EventProblem[]>();
  for (const [place, result] of results.entries()) {
    if (!isRecord(result)) return undefined;
    if (result["status"] === "accepted") continue;
    if (result["status"] !== "rejected") return undefined;
    const problems = Array.isArray(result["problems"]) ? result["problems"] : [result];
    rejected.set(place, problems.filter(isRecord).flatMap(readProblem));
  }
  return rejected;
}

function readProblem(told: Readonly<Record<string, unknown>>): EventProblem[] {
  const [code, pointer, message] = [textAt(told, "code"), textAt(told, "pointer"), textAt(told, "message")];
  if (code === undefined) return [];
  return [{ code, ...(pointer !== undefined && { pointer }), ...(message !== undefined && { message }) }];
}

function textAt(told: Readonly<Record<string, unknown>>, name: string): string | undefined {
  const value = told[name];
  return typeof value === "string" ? value : undefined;
}

function parseObject(body: string): Readonly<Record<string, unknown>> {
  if (!body.startsWith("{")) return {};
  try {
    const parsed: unknown = JSON.parse(body);
    return isRecord(parsed) ? parsed : {};
  } catch {
    return {};
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
