import { type BatchEntries, fatesOfEntries } from "../../aws/batch-entries.ts";
import { type ErrorKnowledge, unusableReply } from "../../aws/failed-call.ts";
import type { Batch, Receipt } from "../../core/sink.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import { isFifo, type SqsConfig } from "./config.ts";

const ALLOW_US = "allow sqs:SendMessage and sqs:GetQueueAttributes on the queue to the collector's role";

export const SQS_ERRORS: ErrorKnowledge = {
  advice: {
    QueueDoesNotExist: "there is no such queue; create it, or correct `queueUrl` and `region`",
    AccessDenied: ALLOW_US,
    AccessDeniedException: ALLOW_US,
    KmsAccessDenied: "allow kms:GenerateDataKey and kms:Decrypt on the queue's key to the collector's role",
    MissingParameter: "the queue is a FIFO queue, or is none any more; correct `queueUrl`",
    RequestThrottled: "the queue is at its limit; a FIFO queue takes more in high-throughput mode",
  },
  refusesEvents: ({ code }) => code === "BatchRequestTooLong" || code === "InvalidMessageContents",
};

/**
 * Reads a reply to SendMessageBatch with status 200.
 *
 * @param messages the events of each message, in the order of the call
 */
export function readSendReply(body: Buffer, messages: readonly Batch[]): Receipt {
  const reply = parseJsonObject(body);
  if (reply === undefined) return unusableReply("is not a SendMessageBatch reply");
  // A list without entries may be left out.
  const { Successful: successful = [], Failed: failed = [] } = reply;
  if (!Array.isArray(successful) || !Array.isArray(failed)) return unusableReply("is not a SendMessageBatch reply");
  const entries: BatchEntries = { successful: successful.filter(isObject), failed: failed.filter(isObject) };
  return fatesOfEntries(entries, messages, SQS_ERRORS);
}

/** Where queue and configuration do not match, by a reply to GetQueueAttributes. */
export function problemsOfQueue(body: Buffer, config: Pick<SqsConfig, "queueUrl" | "batch">): readonly string[] {
  const attributes = parseJsonObject(body)?.["Attributes"];
  if (!isObject(attributes)) return ["the reply is not one to GetQueueAttributes: correct `queueUrl` and `endpoint`"];
  const problems: string[] = [];
  const most = Number(attributes["MaximumMessageSize"]);
  if (most < config.batch.maxBytes) {
    problems.push(
      `the queue takes messages of at most ${most} bytes and batch.maxBytes is ${config.batch.maxBytes}: ` +
        "lower it, or raise MaximumMessageSize of the queue",
    );
  }
  if ((attributes["FifoQueue"] === "true") !== isFifo(config)) {
    problems.push("the queue's name and its kind do not match: only FIFO queues have names that end with .fifo");
  }
  return problems;
}
