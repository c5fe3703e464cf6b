import { fifoIdsOf } from "../../aws/fifo.ts";
import { messageBytes, messageText } from "../../aws/message-text.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits } from "../../core/sink.ts";
import { isFifo, MAX_MESSAGES_PER_CALL, type SqsConfig } from "./config.ts";

type MessageSettings = Pick<SqsConfig, "queueUrl" | "eventsPerMessage" | "messageGroup">;

export function sqsLimits({ batch, eventsPerMessage }: Pick<SqsConfig, "batch" | "eventsPerMessage">): BatchLimits {
  return {
    ...batch,
    maxEvents: batch.maxEvents ?? MAX_MESSAGES_PER_CALL * eventsPerMessage,
    maxEventBytes: batch.maxBytes,
  };
}

/** What an event takes in its message; with others in it, a line end too. */
export function eventBytesIn({ eventsPerMessage }: Pick<SqsConfig, "eventsPerMessage">, event: CollectedEvent): number {
  return messageBytes(event.bytes) + (eventsPerMessage > 1 ? 1 : 0);
}

/** The events of each message, in order. */
export function messagesOf(batch: Batch, { eventsPerMessage }: Pick<SqsConfig, "eventsPerMessage">): Batch[] {
  const messages: Batch[] = [];
  for (let from = 0; from < batch.length; from += eventsPerMessage) {
    messages.push(batch.slice(from, from + eventsPerMessage));
  }
  return messages;
}

/** The body of a SendMessageBatch call. The id of an entry is its place. */
export function encodeMessages(messages: readonly Batch[], settings: MessageSettings): Buffer {
  const fifoIds = isFifo(settings) ? fifoIdsOf(settings.messageGroup) : undefined;
  const entries = messages.map((events, index) => ({
    Id: String(index),
    MessageBody: events.map(({ bytes }) => messageText(bytes)).join("\n"),
    ...(events[0] && fifoIds?.(events[0])),
  }));
  return Buffer.from(JSON.stringify({ QueueUrl: settings.queueUrl, Entries: entries }));
}
