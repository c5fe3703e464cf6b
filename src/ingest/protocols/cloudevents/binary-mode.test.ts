import assert from "node:assert/strict";
import type { IncomingHttpHeaders } from "node:http";
import * as fc from "fast-check";
import pino from "pino";
import { expect, test } from "vitest";
import { encodeDraft } from "../canonical.ts";
import type { EventLimits, IncomingBody, IncomingItem, UnreadableBody } from "../incoming-event.ts";
import { systemClock } from "../../../core/clock.ts";
import { sourceConfig } from "../../config.ts";
import { Enrichers } from "../../enrichment/enrichers.ts";
import { type Source, SourceTable } from "../../sources.ts";
import { cloudeventsProtocol } from "./cloudevents-protocol.ts";
import { decodeHeaderValue } from "./header-value.ts";

const LIMITS: EventLimits = { maxEventBytes: 4_096, maxEventsPerRequest: 5, maxJsonDepth: 8, maxJsonKeys: 200 };
const ENRICHMENT = {
  source: "web",
  receivedMs: 0,
  clientIp: undefined,
  userAgent: undefined,
  collectorPrefix: "node-1/0-",
};

const enrichers = await Enrichers.open([], { clock: systemClock, log: pino({ level: "silent" }) });
const SOURCE = sourceNamed("app");

function sourceNamed(name: string): Source {
  const source = SourceTable.create([sourceConfig.parse({ name, keys: ["wk"] })], systemClock, enrichers).byKey("wk");
  assert(source !== undefined && !("code" in source));
  return source;
}

function read(headers: IncomingHttpHeaders, body: Buffer): (IncomingItem | UnreadableBody | undefined)[] {
  const reader = cloudeventsProtocol.endpoints[0]?.readerOf({ headers, socket: {} }, SOURCE);
  return reader === undefined ? [] : drain(reader(body, LIMITS, 0));
}

function drain(body: IncomingBody): (IncomingItem | UnreadableBody | undefined)[] {
  const items: (IncomingItem | UnreadableBody | undefined)[] = [];
  for (let next = body.next(); ; next = body.next()) {
    items.push(next.value);
    if (next.done === true) return items;
  }
}

/** What is stored of an event, or what is wrong with it. */
function outcome(items: readonly (IncomingItem | UnreadableBody | undefined)[]): unknown {
  const [item] = items;
  if (item === undefined || item.kind === "unreadable") return item;
  if (item.kind === "malformed") {
    const { id, problems } = item.malformed;
    return { id, problems: problems.map(({ code, pointer, message }) => `${code} ${pointer} ${message}`).toSorted() };
  }
  const { head, body, tail, closing } = encodeDraft(item.event, 0, ENRICHMENT, "assigned");
  return JSON.parse(`${head.toString()}${body.toString()}${tail.toString()}${closing}`);
}

/** As the HTTP binding has it: what is not printable ASCII, and space, " and % are escaped. */
function percentEncode(text: string): string {
  return [...Buffer.from(text)]
    .map((byte) =>
      byte > 0x20 && byte < 0x7f && byte !== 0x22 && byte !== 0x25
        ? String.fromCharCode(byte)
        : `%${byte.toString(16).toUpperCase().padStart(2, "0")}`,
    )
    .join("");
}

const text = fc.string({ unit: "grapheme", minLength: 1, maxLength: 12 });
const anyText = fc.oneof(text, fc.string({ unit: "grapheme-composite", maxLength: 4 }), fc.constantFrom("100%", '"a"'));
const attributes = fc.record(
  {
    specversion: fc.constantFrom("1.0", "1.0", "1.0", "0.3", ""),
    id: anyText,
    source: anyText,
    type: fc.oneof({ weight: 5, arbitrary: text }, { weight: 1, arbitrary: fc.constantFrom("", "\u0007") }),
    time: fc.constantFrom("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+01:00", "yesterday"),
    subject: anyText,
    dataschema: anyText,
    traceparent: anyText,
    clientip: anyText,
    sendersource: anyText,
    ["__proto__"]: anyText,
    constructor: anyText,
    "not-a-name": anyText,
  },
  { requiredKeys: [], noNullPrototype: true },
);
const complete = fc.record(
  {
    specversion: fc.constant("1.0"),
    id: text,
    source: text,
    type: text,
    time: fc.constantFrom("2026-01-31T12:00:00Z", "2026-01-31T12:00:00.123+01:00"),
    subject: text,
    traceparent: anyText,
    clientip: anyText,
  },
  { requiredKeys: ["specversion", "id", "source", "type"], noNullPrototype: true },
);

/** A body with its media type, and the same data in the JSON format. */
const payload = fc.oneof(
  fc
    .jsonValue({ maxDepth: 3 })
    .map((data) => ({ type: "application/json", body: Buffer.from(JSON.stringify(data)), data: { data } })),
  fc
    .string({ unit: "grapheme", minLength: 1 })
    .map((data) => ({ type: "text/plain", body: Buffer.from(data), data: { data } })),
  fc.uint8Array({ minLength: 1, maxLength: 40 }).map((bytes) => {
    const body = Buffer.from(bytes);
    return { type: "image/png", body, data: { data_base64: body.toString("base64") } };
  }),
  fc.constant({ type: "application/json", body: Buffer.alloc(0), data: {} }),
);

test("what is sent in binary mode is taken, or refused, as the same event in structured mode", () => {
  let taken = 0;
  fc.assert(
    fc.property(fc.oneof(complete, attributes), payload, (values, { type, body, data }) => {
      const headers = Object.fromEntries(
        Object.entries(values).map(([name, value]) => [`ce-${name}`, percentEncode(value)]),
      );
      fc.pre(Object.keys(headers).length > 0);
      const binary = outcome(read({ "content-type": type, ...headers }, body));
      const json = JSON.stringify({ ...values, datacontenttype: type, ...data });
      const structured = outcome(read({ "content-type": "application/cloudevents+json" }, Buffer.from(json)));
      expect(binary).toEqual(structured);
      if (typeof binary === "object" && binary !== null && "specversion" in binary) taken++;
    }),
    { numRuns: 1_000 },
  );
  expect(taken).toBeGreaterThan(200);
});

test("what the binding encodes is decoded to what it was", () => {
  fc.assert(
    fc.property(fc.string({ unit: "binary" }), (value) => {
      const bytes = Buffer.from(value);
      expect(decodeHeaderValue(percentEncode(value))).toBe(bytes.toString());
      // Bytes that should have been escaped, and were not.
      if (!/["%]/.test(value)) expect(decodeHeaderValue(bytes.toString("latin1"))).toBe(bytes.toString());
    }),
  );
});

const latin1 = fc
  .array(fc.integer({ min: 0x20, max: 0xff }), { maxLength: 30 })
  .map((codes) => String.fromCharCode(...codes));
const anyHeaders = fc.dictionary(
  fc.oneof(
    fc.constantFrom("ce-type", "ce-id", "ce-source", "ce-specversion", "ce-data", "ce-__proto__", "ce-", "ce-time"),
    fc.stringMatching(/^ce-[a-z0-9_-]{0,10}$/),
  ),
  fc.oneof(latin1, fc.constantFrom("1.0", "a", "%ff", "%", '"', '"\\"')),
);
const anyType = fc.option(
  fc.oneof(
    latin1,
    fc.constantFrom(
      "application/json",
      "text/plain; charset=utf-16le",
      'text/x; charset="',
      "text/x;charset=%",
      "application/cloudevents+json",
      "application/cloudevents-batch+json",
      "application/cloudevents",
    ),
  ),
  { nil: undefined },
);
const anyBody = fc.oneof(
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.json().map((json) => Buffer.from(json)),
  fc
    .constantFrom("[".repeat(5_000), '{"a":'.repeat(100), "x".repeat(5_000), "\ufeff{}", "\ufeff", "{}\n{}", '{"a":1,')
    .map((each) => Buffer.from(each)),
);

test("no headers and no body throw, and what is an event can be stored", () => {
  fc.assert(
    fc.property(anyHeaders, anyType, anyBody, (headers, type, body) => {
      const items = read({ ...headers, ...(type === undefined ? {} : { "content-type": type }) }, body);
      expect(() => outcome(items)).not.toThrow();
    }),
    { numRuns: 2_000 },
  );
});
