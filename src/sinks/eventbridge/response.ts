import { entryError, type ErrorKnowledge, inWords, unusableReply } from "../../aws/failed-call.ts";
import type { Batch, Fate, Receipt } from "../../core/sink.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";

const ALLOW_US = "allow events:PutEvents and events:DescribeEventBus on the bus to the collector's role";

export const EVENTBRIDGE_ERRORS: ErrorKnowledge = {
  advice: {
    ResourceNotFoundException: "there is no such event bus; create it, or correct `bus` and `region`",
    AccessDeniedException: ALLOW_US,
    NotAuthorizedForSourceException: "the bus does not allow this `source`; see its policy",
    UnknownOperationException: "the endpoint does not speak EventBridge; correct `endpoint`",
  },
  refusesEvents: ({ code, message }) => code === "ValidationException" && /entry size|total size|exceed/i.test(message),
};

/** An entry's error about what the configuration says, not about the event. */
const BLAMES_CONFIG = /\b(source|eventbus|event bus)\b/i;

const DELIVERED = { kind: "delivered" } as const;
const UNTOLD: Fate = { kind: "retryable", reason: "the reply does not confirm the event" };

/** Reads a reply to PutEvents with status 200. */
export function readPutEventsReply(body: Buffer, batch: Batch): Receipt {
  const reply = parseJsonObject(body);
  const entries = reply?.["Entries"];
  if (reply === undefined || !Array.isArray(entries)) return unusableReply("is not a PutEvents reply");
  if (entries.length !== batch.length) return unusableReply(`tells of ${entries.length} events, not ${batch.length}`);
  const fates = entries.map(fateOf);
  const failed = fates.filter(({ kind }) => kind !== "delivered").length;
  const declared = reply["FailedEntryCount"] ?? failed;
  if (declared !== failed) return unusableReply(`lists ${failed} failures and does not count as many`);
  return failed === 0 ? DELIVERED : { kind: "partial", fates };
}

function fateOf(entry: unknown): Fate {
  const error = entryError(entry, "ErrorCode", "ErrorMessage");
  if (error === undefined) {
    const id = isObject(entry) ? entry["EventId"] : undefined;
    return typeof id === "string" && id !== "" ? DELIVERED : UNTOLD;
  }
  const isRejected =
    error.code === "MalformedDetail" || (error.code === "InvalidArgument" && !BLAMES_CONFIG.test(error.message));
  return { kind: isRejected ? "rejected" : "retryable", reason: inWords(error, EVENTBRIDGE_ERRORS.advice) };
}

/** What is wrong with a bus, by a reply to DescribeEventBus. */
export function problemsOfBus(body: Buffer): readonly string[] {
  const bus = parseJsonObject(body);
  return typeof bus?.["Arn"] === "string" ? [] : ["the reply is not one to DescribeEventBus: correct `endpoint`"];
}
