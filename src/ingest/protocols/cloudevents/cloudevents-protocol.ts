import type { IncomingHttpHeaders } from "node:http";
import type { RequestHead } from "../../exchange.ts";
import type { EventLimits, IncomingBody } from "../incoming-event.ts";
import { scanValue, trimEnd } from "../../../core/json-scan.ts";
import { essenceOf } from "../media-type.ts";
import { parseNative } from "../native/parse-native.ts";
import type { BodyReader, Protocol } from "../protocol.ts";
import { textStart } from "../text-start.ts";
import { isCloudEventsType, readBinary } from "./binary-mode.ts";
import { requireAttributes } from "./require-attributes.ts";
import { greetWebhook } from "./webhook-handshake.ts";

const STRUCTURED = "application/cloudevents+json";
const BATCHED = "application/cloudevents-batch+json";

const OPEN_ARRAY = 0x5b;
const OPEN_OBJECT = 0x7b;

/**
 * CloudEvents 1.0 over HTTP, by the letter: an event in headers and body (binary mode), in a JSON
 * object (structured), or several in an array (batched). The native protocol reads all three too,
 * and asks for less.
 */
export const cloudeventsProtocol: Protocol = {
  name: "cloudevents",
  endpoints: [
    {
      path: "/v1/cloudevents",
      methods: ["POST"],
      mediaTypes: [STRUCTURED, BATCHED],
      readerOf,
      greet: greetWebhook,
    },
  ],
};

function readerOf({ headers }: RequestHead): BodyReader | undefined {
  const essence = essenceOf(headers["content-type"] ?? "");
  if (essence === STRUCTURED) return readStructured;
  if (essence === BATCHED) return readBatched;
  if (isCloudEventsType(essence)) return undefined;
  return (body, limits) => readHeaders(headers, body, limits);
}

function* readHeaders(headers: IncomingHttpHeaders, body: Buffer, limits: EventLimits): IncomingBody {
  if (!Object.keys(headers).some((name) => name.startsWith("ce-"))) {
    const detail = `The request holds no CloudEvent: it has neither headers such as ce-type, nor one of the media types ${STRUCTURED} and ${BATCHED}. POST /v1/events takes plain JSON.`;
    return { kind: "unreadable", code: "no_events", detail };
  }
  return yield* requireAttributes(readBinary(headers, body, limits));
}

function* readStructured(body: Buffer, limits: EventLimits): IncomingBody {
  const start = textStart(body);
  const end = trimEnd(body, start, body.length);
  const isMore = body[start] === OPEN_OBJECT && scanValue(body, start, end).end < end;
  if (isMore || body[start] === OPEN_ARRAY) {
    const detail = `${STRUCTURED} is one event, an object and nothing behind it. Send several in an array, as ${BATCHED}.`;
    return { kind: "unreadable", code: "events_invalid", detail };
  }
  return yield* requireAttributes(parseNative(body, "any", limits));
}

function* readBatched(body: Buffer, limits: EventLimits): IncomingBody {
  if (body[textStart(body)] === OPEN_OBJECT) {
    const detail = `${BATCHED} is an array of events. Send one event as ${STRUCTURED}.`;
    return { kind: "unreadable", code: "events_invalid", detail };
  }
  return yield* requireAttributes(parseNative(body, "any", limits));
}
