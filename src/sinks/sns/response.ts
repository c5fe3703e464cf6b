import { fatesOfEntries } from "../../aws/batch-entries.ts";
import { type ErrorKnowledge, unusableReply } from "../../aws/failed-call.ts";
import { parseXml, type XmlElement, xmlAt, xmlFields } from "../../aws/xml-reply.ts";
import type { Batch, Receipt } from "../../core/sink.ts";
import type { SnsConfig } from "./config.ts";

const ALLOW_US = "allow sns:Publish and sns:GetTopicAttributes on the topic to the collector's role";

export const SNS_ERRORS: ErrorKnowledge = {
  advice: {
    NotFound: "there is no such topic; create it, or correct `topicArn`",
    AuthorizationError: ALLOW_US,
    AccessDenied: ALLOW_US,
    KMSAccessDenied: "allow kms:GenerateDataKey and kms:Decrypt on the topic's key to the collector's role",
    Throttled: "the account's limit of messages a second is reached; if this lasts, ask AWS to raise it",
    Throttling: "the account's limit of messages a second is reached; if this lasts, ask AWS to raise it",
  },
  refusesEvents: ({ code, message }) =>
    code === "BatchRequestTooLong" || (code === "InvalidParameter" && /message too long/i.test(message)),
};

/** Reads a reply to PublishBatch with status 200. */
export function readPublishReply(body: Buffer, batch: Batch): Receipt {
  const reply = parseXml(body);
  const result = xmlAt(reply, "PublishBatchResult");
  if (reply?.name !== "PublishBatchResponse" || result === undefined) {
    return unusableReply("is not a PublishBatch reply");
  }
  const entries = { successful: members(result, "Successful"), failed: members(result, "Failed") };
  return fatesOfEntries(
    entries,
    batch.map((event) => [event]),
    SNS_ERRORS,
  );
}

function members(result: XmlElement, list: string): Readonly<Record<string, string>>[] {
  return (xmlAt(result, list)?.children ?? []).map(xmlFields);
}

/** Where topic and configuration do not match, by a reply to GetTopicAttributes. */
export function problemsOfTopic(body: Buffer, { topicArn, batch }: Pick<SnsConfig, "topicArn" | "batch">): string[] {
  const list = xmlAt(parseXml(body), "GetTopicAttributesResult", "Attributes");
  if (list === undefined) return ["the reply is not one to GetTopicAttributes: correct `endpoint`"];
  const attributes = new Map(list.children.map(xmlFields).map(({ key, value }) => [key, value]));
  const problems: string[] = [];
  const most = Number(attributes.get("MaximumMessageSize"));
  if (most > 0 && most < batch.maxBytes) {
    problems.push(
      `the topic takes messages of at most ${most} bytes and batch.maxBytes is ${batch.maxBytes}: ` +
        "lower it, or raise MaximumMessageSize of the topic",
    );
  }
  if ((attributes.get("FifoTopic") === "true") !== topicArn.endsWith(".fifo")) {
    problems.push("the topic's name and its kind do not match: only FIFO topics have names that end with .fifo");
  }
  return problems;
}
