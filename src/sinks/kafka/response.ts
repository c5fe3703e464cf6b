import { type produceV9, protocolErrorsCodesById, ResponseError } from "@platformatic/kafka";
import type { Fate } from "../../core/sink.ts";
import { errorInWords, quotable } from "../../outbound/quotable.ts";

/** What became of the records that were meant for one partition. */
export type Answer =
  | { readonly kind: "appended" }
  /** No broker that could have taken them was reached. */
  | { readonly kind: "unsent"; readonly reason: string }
  /** The broker did not take them, and may do so later. */
  | { readonly kind: "failed"; readonly reason: string }
  /** Appended or not: nobody said. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** Not appended, because of one record or some: `culprits` of them, if the broker names them, which have this fate. */
  | { readonly kind: "refused"; readonly fate: Fate; readonly culprits: readonly number[] };

/** An answer for each partition that a broker answered for, by {@link partitionKey}. */
export type Answers = ReadonlyMap<string, Answer>;

export function partitionKey(topic: string, partition: number): string {
  return `${topic}:${partition}`;
}

const APPENDED: Answer = { kind: "appended" };

/**
 * The broker may have appended the records before it said this. One that waits for its replicas says of
 * a partition that it lost meanwhile that it does not lead or know it, and the new leader may have them.
 */
const UNKNOWN_OUTCOME = new Set([
  "UNKNOWN_SERVER_ERROR",
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_OR_FOLLOWER",
  "REQUEST_TIMED_OUT",
  "REPLICA_NOT_AVAILABLE",
  "NETWORK_EXCEPTION",
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "KAFKA_STORAGE_ERROR",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "UNKNOWN_TOPIC_ID",
]);

/** About the records themselves, all or one of them. What a record's time may be is for an operator to say, and changes as time goes on. */
const REFUSALS: Readonly<Record<string, "rejected" | "retryable">> = {
  MESSAGE_TOO_LARGE: "rejected",
  RECORD_LIST_TOO_LARGE: "rejected",
  CORRUPT_MESSAGE: "rejected",
  INVALID_RECORD: "rejected",
  INVALID_TIMESTAMP: "retryable",
};

/** What brokers call a record without a key that is meant for a compacted topic. */
const MAY_MISS_KEY = new Set(["INVALID_RECORD", "CORRUPT_MESSAGE"]);

const ADVICE: Readonly<Record<string, string>> = {
  UNKNOWN_TOPIC_OR_PARTITION: "create the topic; until then the events wait",
  TOPIC_AUTHORIZATION_FAILED: "allow the user to write to the topic",
  CLUSTER_AUTHORIZATION_FAILED: "allow the user IdempotentWrite on the cluster",
  NOT_ENOUGH_REPLICAS: "fewer replicas are in sync than min.insync.replicas asks for",
  MESSAGE_TOO_LARGE: "larger than the topic's max.message.bytes",
  INVALID_TIMESTAMP: "the topic refuses the time of an event: see message.timestamp.before.max.ms and after.max.ms",
  UNSUPPORTED_COMPRESSION_TYPE: "the brokers do not know this compression",
};

/**
 * Reads what a Produce request came to: its response, or what was thrown instead.
 *
 * @param keyless whether no record has a key, by the configuration
 */
export function readProduceAnswers(result: unknown, keyless = false): Answers {
  const response = responseOf(result);
  const answers = new Map<string, Answer>();
  for (const { name, partitionResponses } of response?.responses ?? []) {
    for (const { index, errorCode, errorMessage, recordErrors } of partitionResponses) {
      const culprits = recordErrors.map(({ batchIndex }) => batchIndex);
      const words = errorMessage ?? recordErrors[0]?.batchIndexErrorMessage ?? "";
      answers.set(partitionKey(name, index), answerOf(errorCode, { words, culprits, keyless }));
    }
  }
  return answers;
}

function responseOf(result: unknown): produceV9.ProduceResponse | undefined {
  const response: unknown = result instanceof ResponseError && "response" in result ? result.response : result;
  return isProduceResponse(response) ? response : undefined;
}

/** Whether the library parsed it as a response: its types lose it on the way through an error. */
function isProduceResponse(response: unknown): response is produceV9.ProduceResponse {
  return typeof response === "object" && response !== null && "responses" in response;
}

/** @param told.words the broker's own, if it has any */
export function answerOf(
  errorCode: number,
  {
    words = "",
    culprits = [],
    keyless = false,
  }: { words?: string; culprits?: readonly number[]; keyless?: boolean } = {},
): Answer {
  if (errorCode === 0) return APPENDED;
  const name = protocolErrorsCodesById[errorCode] ?? `error ${errorCode}`;
  const parts = [name];
  // It would be so of every record, and whoever chose `key` or made the topic can mend it.
  const isMissingKey = keyless && MAY_MISS_KEY.has(name);
  const advice = isMissingKey
    ? "a compacted topic needs keys: set `key`, or its cleanup.policy to delete"
    : ADVICE[name];
  if (advice !== undefined) parts.push(advice);
  if (words !== "") parts.push(`"${quotable(words)}"`);
  const reason = parts.join(": ");
  if (isMissingKey) return { kind: "failed", reason };
  const fate = REFUSALS[name];
  if (fate !== undefined) return { kind: "refused", fate: { kind: fate, reason }, culprits };
  if (UNKNOWN_OUTCOME.has(name)) return { kind: "unknown", reason };
  return { kind: "failed", reason };
}

/** The innermost and most telling words of what the library throws, without the list around it. */
export function kafkaErrorInWords(error: unknown): string {
  let told = error;
  for (let depth = 0; depth < 10; depth++) {
    if (told instanceof AggregateError && told.errors.length > 0) told = told.errors[0];
    else if (told instanceof Error && told.cause instanceof Error) told = told.cause;
    else break;
  }
  if (told instanceof Error && "apiId" in told && typeof told.apiId === "string" && told.apiId !== "") {
    const advice = ADVICE[told.apiId];
    return advice === undefined ? told.apiId : `${told.apiId}: ${advice}`;
  }
  return errorInWords(told);
}
