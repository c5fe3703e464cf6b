import { fifoIdsOf } from "../../aws/fifo.ts";
import { attributeText, messageBytes, messageText } from "../../aws/message-text.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch } from "../../core/sink.ts";
import type { SnsConfig } from "./config.ts";

type MessageSettings = Pick<SnsConfig, "topicArn" | "attributes" | "messageGroup">;

const API_VERSION = "2010-03-31";
const DATA_TYPE = "String";

/** Name, data type and value count, and each is sent as text. */
function attributesOf(event: CollectedEvent): readonly (readonly [string, string])[] {
  return [
    ["type", attributeText(event.type)],
    ["source", attributeText(event.source)],
  ];
}

/** What an event counts: its message and, if it has any, its attributes. */
export function eventBytesAt({ attributes }: Pick<SnsConfig, "attributes">, event: CollectedEvent): number {
  let bytes = messageBytes(event.bytes);
  if (!attributes) return bytes;
  for (const [name, value] of attributesOf(event)) bytes += name.length + DATA_TYPE.length + Buffer.byteLength(value);
  return bytes;
}

/** The body of a PublishBatch call in the Query protocol: a form. The id of an entry is its place. */
export function encodePublishBatch(batch: Batch, { topicArn, attributes, messageGroup }: MessageSettings): Buffer {
  const fifoIds = topicArn.endsWith(".fifo") ? fifoIdsOf(messageGroup) : undefined;
  let form = encodeForm({ Action: "PublishBatch", Version: API_VERSION, TopicArn: topicArn });
  for (const [index, event] of batch.entries()) {
    const entry = `PublishBatchRequestEntries.member.${index + 1}`;
    form += `&${entry}.Id=${index}&${entry}.Message=${encodeURIComponent(messageText(event.bytes))}`;
    for (const [name, value] of Object.entries(fifoIds?.(event) ?? {})) {
      form += `&${entry}.${name}=${encodeURIComponent(value)}`;
    }
    for (const [place, [name, value]] of attributes ? attributesOf(event).entries() : []) {
      const attribute = `${entry}.MessageAttributes.entry.${place + 1}`;
      form += `&${attribute}.Name=${name}&${attribute}.Value.DataType=${DATA_TYPE}`;
      form += `&${attribute}.Value.StringValue=${encodeURIComponent(value)}`;
    }
  }
  return Buffer.from(form, "latin1");
}

/** The body of the call that looks at the topic. */
export function encodeLook(topicArn: string): Buffer {
  return Buffer.from(encodeForm({ Action: "GetTopicAttributes", Version: API_VERSION, TopicArn: topicArn }));
}

function encodeForm(fields: Readonly<Record<string, string>>): string {
  return new URLSearchParams(fields).toString();
}
