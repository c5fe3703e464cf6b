import { formatBytes } from "../../../core/config-fields.ts";
import type { EventLimits, IncomingBody } from "../incoming-event.ts";
import { batchEvents } from "./batch-events.ts";
import { jsonParts } from "./json-parts.ts";
import { logItem } from "./log-event.ts";
import type { OtlpEncoding } from "./otlp-answer.ts";
import type { Parts } from "./part.ts";
import { protobufParts } from "./protobuf-parts.ts";
import { LOGS, type Signal } from "./signal.ts";

/**
 * Most that the events of a request may take together. Each repeats its resource, so a request of a
 * large one and thousands of small records would be a hundred times as long as it was sent.
 */
const MAX_EVENTS_BYTES = 64 * 1024 ** 2;

/** Reads a request of OTLP/HTTP: an event for each log record, or for each resource's spans or metrics. */
export function* readOtlp(body: Buffer, encoding: OtlpEncoding, signal: Signal, limits: EventLimits): IncomingBody {
  const parts = encoding === "json" ? jsonParts(body, signal, limits) : protobufParts(body, signal, limits);
  const events = signal === LOGS ? logEvents(parts, limits) : batchEvents(parts, signal, limits);
  let count = 0;
  let bytes = 0;
  for (;;) {
    const next = events.next();
    if (next.done === true) return next.value;
    if (next.value === undefined) {
      yield undefined;
      continue;
    }
    if (++count > limits.maxEventsPerRequest) {
      const detail = `A request may hold at most ${limits.maxEventsPerRequest} events; send smaller batches.`;
      return { kind: "unreadable", code: "too_many_events", detail };
    }
    const item = next.value;
    bytes += item.kind === "event" ? item.event.raw.length : item.malformed.raw.length;
    if (bytes > MAX_EVENTS_BYTES) {
      const detail = `The request becomes more than ${formatBytes(MAX_EVENTS_BYTES)} of events, each of which has its resource; send smaller batches.`;
      return { kind: "unreadable", code: "body_too_large", detail };
    }
    yield item;
  }
}

function* logEvents(parts: Parts, limits: EventLimits): IncomingBody {
  for (;;) {
    const next = parts.next();
    if (next.done === true) return next.value;
    yield next.value && logItem(next.value, limits);
  }
}
