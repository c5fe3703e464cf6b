import type { CollectedEvent } from "../../core/event.ts";
import type { Batch } from "../../core/sink.ts";
import type { EventbridgeConfig } from "./config.ts";

type EntrySettings = Pick<EventbridgeConfig, "bus" | "source">;

/** Longest `DetailType` (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEventsRequestEntry.html). */
const MAX_DETAIL_TYPE_CHARS = 128;

/** What a `Time` counts, as EventBridge calculates the size of an entry
 * (https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-putevent-size.html). */
const TIME_BYTES = 14;

export function entryBytes(event: CollectedEvent, settings: EntrySettings): number {
  const source = settings.source ?? event.source;
  return event.bytes.length + Buffer.byteLength(detailType(event)) + Buffer.byteLength(source) + TIME_BYTES;
}

/** The body of a PutEvents call: each entry's `Detail` is the event as it is. */
export function encodePutEvents(batch: Batch, { bus, source }: EntrySettings): Buffer {
  const entries = batch.map((event) => ({
    EventBusName: bus,
    Source: source ?? event.source,
    DetailType: detailType(event),
    // In seconds. The sender's clock may be anything; its time is in the detail.
    Time: Math.floor(event.receivedMs / 1_000),
    Detail: event.bytes.toString(),
  }));
  return Buffer.from(JSON.stringify({ Entries: entries }));
}

/** The event's type; of a longer one what comes first, without half of a character. */
function detailType({ type }: CollectedEvent): string {
  return type.slice(0, MAX_DETAIL_TYPE_CHARS).toWellFormed();
}
