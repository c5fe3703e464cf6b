import type { EventLimits } from "../incoming-event.ts";
import { readAll } from "../native/read-all-fixture.ts";
import type { OtlpEncoding } from "./otlp-answer.ts";
import { readOtlp } from "./read-otlp.ts";
import { LOGS, type Signal } from "./signal.ts";

export const LIMITS: EventLimits = {
  maxEventBytes: 64 * 1024,
  maxEventsPerRequest: 100,
  maxJsonDepth: 32,
  maxJsonKeys: 1000,
};

export const RESOURCE = { attributes: [{ key: "service.name", value: { stringValue: "shop" } }] };

/** A request of log records, all of one resource. */
export function logs(...logRecords: unknown[]): object {
  return {
    resourceLogs: [{ resource: RESOURCE, scopeLogs: [{ scope: { name: "checkout", version: "1.0" }, logRecords }] }],
  };
}

/** The events as senders of the native protocol would have written them, or what is wrong with each. */
export function read(body: Buffer, encoding: OtlpEncoding, signal: Signal = LOGS, limits = LIMITS): unknown[] | string {
  const all = readAll(readOtlp(body, encoding, signal, limits));
  if (all.kind === "unreadable") return `${all.code}: ${all.detail}`;
  return all.items.map((item): unknown =>
    item.kind === "event"
      ? JSON.parse(item.event.raw.toString())
      : item.malformed.problems.map(({ code, pointer, message }) => `${code} ${pointer} ${message}`).join(),
  );
}

export function readJson(request: unknown, signal: Signal = LOGS, limits = LIMITS): unknown[] | string {
  return read(Buffer.from(JSON.stringify(request)), "json", signal, limits);
}
