import assert from "node:assert/strict";
import { formatBytes } from "../core/config-fields.ts";
import { MillraceError } from "../core/errors.ts";
import type { EventDraft } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import type { RefusedBody } from "./body/body-result.ts";
import { SUPPORTED_ENCODINGS } from "./body/decompress.ts";
import type { HttpConfig } from "./config.ts";
import { eventResults, summary } from "./event-results.ts";
import type { Judgement } from "./judge-events.ts";
import { isProblemCode, type Problem } from "./problems.ts";
import type { UnreadableBody } from "./protocols/incoming-event.ts";
import { essenceOf } from "./protocols/media-type.ts";
import { retryAfterSeconds } from "./retry-after.ts";
import type { UsedUp } from "./source-quota.ts";

/** About how long a full journal or a full memory takes to have room again, when sinks are well. */
const PRESSURE_WAIT_SECONDS = 2;

/**
 * A request larger than this share of the journal is never waited for: the segment that is
 * written to, up to an eighth, is not deleted, and each event has its framing.
 */
const MAX_JOURNAL_SHARE = 3 / 4;

export function refusedBody({ code, detail }: RefusedBody): Problem {
  if (code === "overloaded") return { code, detail, retryAfterSeconds: PRESSURE_WAIT_SECONDS };
  if (code === "encoding_unsupported") return { code, detail, headers: ["Accept-Encoding", SUPPORTED_ENCODINGS] };
  return { code, detail };
}

/**
 * Why the events of a body are not taken.
 *
 * @param maxEvents of the source, which its clients' quota may have lowered
 */
export function unjudgedBody(
  found: UnreadableBody | RefusedBody,
  maxEvents: number,
  { maxEventsPerRequest }: HttpConfig,
): Problem {
  if (found.kind === "refused") return refusedBody(found);
  const { code, detail } = found;
  if (code === "too_many_events" && maxEvents < maxEventsPerRequest) return tooManyForClient(maxEvents);
  assert(isProblemCode(code), `${code} is a problem code`);
  return { code, detail };
}

export function unsupportedMediaType(contentType = "", mediaTypes: readonly string[]): Problem {
  // What curl -d and HTML forms send when nobody says otherwise.
  const isForm = essenceOf(contentType) === "application/x-www-form-urlencoded";
  const isFormData = essenceOf(contentType) === "multipart/form-data";
  const hint = isForm
    ? " With curl, add -H 'Content-Type: application/json'; from a page, send JSON as a string instead of URLSearchParams."
    : isFormData
      ? " From a page, send JSON as a string instead of FormData."
      : "";
  const types = mediaTypes.join(", ");
  return {
    code: "unsupported_media_type",
    detail: `The body must be one of ${types}.${hint}`,
    headers: ["Accept-Post", types],
  };
}

export function allInvalid(judgement: Judgement, none: Readonly<Record<string, 0>>): Problem {
  const members = { ...none, rejected: judgement.invalid.length, results: eventResults(judgement, undefined) };
  return { code: "events_invalid", detail: summary(judgement), members };
}

export function quotaExceeded({ of, limits, waitMs }: UsedUp): Problem {
  const who = of === "source" ? "The source" : "One client address";
  return {
    code: of === "source" ? "quota_exceeded" : "client_quota_exceeded",
    detail: `${who} may send ${limits.eventsPerSecond} events a second and ${limits.burst} at once. Send the request again after Retry-After seconds.`,
    retryAfterSeconds: retryAfterSeconds(waitMs),
  };
}

/** As no wait would help, it is not said to be over its quota. */
function tooManyForClient(maxEvents: number): Problem {
  return {
    code: "too_many_events",
    detail: `One client address may send ${maxEvents} events at once (quota.perClient.burst of the source), so a request may hold no more; send the rest in further requests.`,
  };
}

/** Why `bytes` of events cannot be taken now, if the journal has no room for them or its disk does not answer. */
export function noRoom(journal: Journal, bytes: number): Problem | undefined {
  if (!journal.isFull(bytes)) return undefined;
  if (journal.failure === undefined) return journalFull(journal, bytes);
  return {
    code: "journal_write_failed",
    detail: `Nothing of this request was stored: ${journal.failure}. Send the request again after Retry-After seconds.`,
    retryAfterSeconds: PRESSURE_WAIT_SECONDS,
  };
}

function journalFull(journal: Journal, bytes: number): Problem {
  if (bytes > journal.maxBytes * MAX_JOURNAL_SHARE) {
    return {
      code: "body_too_large",
      detail: `The request's events would not fit into the journal even while it is empty: it has ${formatBytes(journal.maxBytes)}. Send them in several requests, or raise journal.maxBytes.`,
    };
  }
  return {
    code: "journal_full",
    detail:
      "Nothing of this request was stored: the sinks take events more slowly than they come, and journal.maxBytes or the disk is used up. Send the request again after Retry-After seconds.",
    retryAfterSeconds: PRESSURE_WAIT_SECONDS,
  };
}

export function ackUnavailable(): Problem {
  const detail =
    "This collector keeps its journal in memory, so it cannot promise ?ack=durable. Use accepted or delivered, or set journal.durability to os or disk.";
  return { code: "ack_unavailable", detail };
}

/** Why an append failed. Anything but the journal's own codes is a bug. */
export function appendProblem(error: unknown, journal: Journal, drafts: readonly EventDraft[]): Problem {
  const code = error instanceof MillraceError ? error.code : undefined;
  if (code === "journal_full")
    return journalFull(
      journal,
      drafts.reduce((bytes, draft) => bytes + bytesOf(draft), 0),
    );
  if (code === "ack_unavailable") return ackUnavailable();
  if (code !== "journal_write_failed") throw error;
  return {
    code,
    detail:
      "The journal's disk failed. The events may or may not be stored: send the request again after Retry-After seconds, with the same ids.",
    retryAfterSeconds: PRESSURE_WAIT_SECONDS,
  };
}

function bytesOf({ head, body, tail }: EventDraft): number {
  return Buffer.byteLength(head) + body.length + Buffer.byteLength(tail);
}
