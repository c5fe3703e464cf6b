import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventDraft } from "../../core/event.ts";
import { Judge } from "../judge-events.ts";
import { testValidator } from "../ingest-server-fixture.ts";
import { encodeDraft } from "./canonical.ts";
import type { Enrichment } from "./incoming-event.ts";
import { parseNative } from "./native/parse-native.ts";
import { MAX_HOPS } from "./relayed-form.ts";

const LIMITS = { maxEventBytes: 1e6, maxEventsPerRequest: 10, maxJsonDepth: 100, maxJsonKeys: 1e6 };
const RULES = {
  validation: "off",
  unknownTypes: "accept",
  requireId: false,
  redaction: undefined,
  attributes: undefined,
} as const;

function enrichment(source: string, prefix: string): Enrichment {
  return {
    source,
    receivedMs: Date.UTC(2026, 10, 23),
    clientIp: "203.0.113.0",
    userAgent: "agent/1",
    collectorPrefix: prefix,
  };
}

/** What a collector whose source relays, or does not, makes of an event. */
function judged(text: string, relay: boolean): Judge {
  const judge = new Judge({ ...RULES, relay }, testValidator);
  for (const item of parseNative(Buffer.from(text), "any", LIMITS)) if (item !== undefined) judge.add(item);
  return judge;
}

function stored(text: string, relay: boolean, added: Enrichment, position: number): string {
  const [event] = judged(text, relay).valid;
  if (event === undefined) throw new Error("it is not valid");
  return textOf(encodeDraft(event, position, added, "assigned"));
}

function textOf(draft: EventDraft): string {
  return Buffer.concat([draft.head, draft.body, draft.tail, Buffer.from(draft.closing)]).toString();
}

const EDGE = enrichment("web", "edge-1/0-");
const REGION = enrichment("edges", "region-1/2-");

test("what the edge recorded stays byte for byte, and each collector on the way adds its place", () => {
  const atEdge = stored('{"type":"a","id":"1","data":{"n":1.50,"n":2,"u":"\\u0061é"}}', false, EDGE, 41);
  const atRegion = stored(atEdge, true, REGION, 977);
  expect(atRegion).toBe(`${atEdge.slice(0, -1)},"via":"region-1/2-977"}`);
  const further = stored(atRegion, true, enrichment("regions", "hq/0-"), 5);
  expect(further).toBe(`${atEdge.slice(0, -1)},"via":"region-1/2-977,hq/0-5"}`);
});

test("an event of a sender that is no collector is recorded as at any source", () => {
  for (const text of ['{"type":"a","id":"1"}', '{"type":"a","id":"1","collector":"edge-1/0-41","via":"x/0-1"}']) {
    expect(stored(text, true, REGION, 3)).toBe(stored(text, false, REGION, 3));
  }
});

test("a source that does not relay believes nothing of it", () => {
  const relayed = stored(stored('{"type":"a","id":"1"}', false, EDGE, 41), true, REGION, 977);
  expect(JSON.parse(stored(relayed, false, enrichment("web", "other/0-"), 7))).toMatchObject({
    source: "web",
    sendersource: "web",
    collector: "other/0-7",
    clientip: "203.0.113.0",
  });
  expect(JSON.parse(stored(relayed, false, enrichment("web", "other/0-"), 7))).not.toHaveProperty("via");
});

test("each attribute is there once, of its own type, and on one line", () => {
  const forged = `{"specversion":"1.0","source":"web","id":"1","type":"a",\r\n"time":"2026-11-23T00:00:00Z",
    "receivedtime":"2026-11-23T00:00:00Z","clientip":["x"],"useragent":5,"idassigned":"yes","sendersource":null,
    "collector":"one","collector":"edge-1/0-41","via":{"a":1},"data":{"x":1}}`;
  const text = stored(forged, true, REGION, 9);
  expect(text).not.toMatch(/[\r\n]/);
  expect(text.match(/"collector"/g)).toHaveLength(1);
  const { clientip, useragent, idassigned, sendersource, collector, via } = JSON.parse(text);
  expect({ clientip, useragent, idassigned, sendersource }).toEqual({});
  expect({ collector, via }).toEqual({ collector: "edge-1/0-41", via: "region-1/2-9" });
});

test("an event that runs in a circle is refused in the end", () => {
  let text = stored('{"type":"a","id":"1"}', false, EDGE, 0);
  for (let hop = 0; hop < MAX_HOPS; hop++) text = stored(text, true, REGION, hop);
  const { valid, invalid } = judged(text, true);
  expect(valid).toEqual([]);
  expect(invalid[0]?.problems[0]).toMatchObject({ code: "invalid_attribute", pointer: "/via" });
});

test("whatever members an event has, a relay makes one CloudEvent on one line of it", () => {
  const name = fc.constantFrom("clientip", "collector", "via", "useragent", "data", "x", "receivedtime", "source");
  fc.assert(
    fc.property(fc.array(fc.tuple(name, fc.jsonValue({ maxDepth: 2 }))), (members) => {
      const own = members.map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`);
      const base = ['"id":"1"', '"type":"a"', '"specversion":"1.0"', '"time":"2026-11-23T00:00:00Z"'];
      const [event] = judged(`{${[...base, ...own].join(",")}}`, true).valid;
      if (event === undefined) return;
      const parsed = JSON.parse(textOf(encodeDraft(event, 4, REGION, "assigned")));
      expect(parsed).toMatchObject({ id: "1", specversion: "1.0", collector: expect.any(String) });
      expect(parsed.via ?? parsed.collector).toMatch(/region-1\/2-4$/);
    }),
  );
});
