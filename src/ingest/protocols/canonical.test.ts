import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventDraft } from "../../core/event.ts";
import { encodeDraft, newEventId } from "./canonical.ts";
import type { Enrichment, IncomingEvent } from "./incoming-event.ts";
import { parseNative } from "./native/parse-native.ts";

const ENRICHMENT: Enrichment = {
  source: "web",
  receivedMs: Date.UTC(2026, 10, 23, 5, 55, 34, 123),
  clientIp: "203.0.113.0",
  attributes: "",
  userAgent: 'Agent "1"\\',
  collectorPrefix: "node-1/slot-0-",
};
const ADDED = {
  receivedtime: "2026-11-23T05:55:34.123Z",
  clientip: "203.0.113.0",
  useragent: 'Agent "1"\\',
  collector: "node-1/slot-0-42",
};

function incoming(raw: string, changes: Partial<IncomingEvent> = {}): IncomingEvent {
  const absent = { id: undefined, time: undefined, dataschema: undefined, data: undefined };
  return { ...absent, type: "a", raw: Buffer.from(raw), rewrite: false, ...changes };
}

function textOf(draft: EventDraft): string {
  return Buffer.concat([draft.head, draft.body, draft.tail, Buffer.from(draft.closing)]).toString();
}

/** What the collector makes of an event as a sender writes it, with the id assigned that it may lack. */
function canonical(raw: string): string {
  const body = parseNative(Buffer.from(raw), "any", {
    maxEventBytes: 1e6,
    maxEventsPerRequest: 1,
    maxJsonDepth: 100,
    maxJsonKeys: 1e6,
  });
  const item = body.next().value;
  if (item?.kind !== "event") throw new Error(JSON.stringify(item));
  return textOf(encodeDraft(item.event, 42, ENRICHMENT, "assigned"));
}

test("the sender's bytes stand between what the collector adds", () => {
  const raw =
    '{ "type":"a", "id":"1","time":"2026-01-01T00:00:00Z", "data":{"n":1.50,"n":12345678901234567890,"u":"\\u0061é"} }';
  expect(canonical(raw)).toBe(
    `{"specversion":"1.0","source":"web",${raw.slice(1, -1)},"receivedtime":"2026-11-23T05:55:34.123Z","clientip":"203.0.113.0","useragent":"Agent \\"1\\"\\\\","collector":"node-1/slot-0-42"}`,
  );
});

test("a missing id and time are added, and the id is marked as assigned", () => {
  expect(JSON.parse(canonical('{"type":"a"}'))).toEqual({
    specversion: "1.0",
    source: "web",
    id: "assigned",
    idassigned: true,
    time: ADDED.receivedtime,
    type: "a",
    ...ADDED,
  });
});

test("what may not be recorded is not there", () => {
  const enrichment = { ...ENRICHMENT, clientIp: undefined, userAgent: undefined };
  const text = textOf(encodeDraft(incoming('{"type":"a"}'), 0, enrichment, "i"));
  expect(Object.keys(JSON.parse(text))).toEqual([
    "specversion",
    "source",
    "id",
    "idassigned",
    "time",
    "type",
    "receivedtime",
    "collector",
  ]);
});

test("the sender's source is kept under another name, and what only the collector may say is taken out", () => {
  const raw = `{"specversion":"1.0","source":"first","\\u0073ource" : "/last",\n"type":"a","id":"1","time":"2026-01-01T00:00:00Z",
    "clientip":"6.6.6.6","cl\\u0069entip":{"a":[1]},"useragent":"x","collector":"x","receivedtime":"x","idassigned":false,"sendersource":"x","x":1}`;
  expect(JSON.parse(canonical(raw))).toEqual({
    specversion: "1.0",
    source: "web",
    sendersource: "/last",
    type: "a",
    id: "1",
    time: "2026-01-01T00:00:00Z",
    x: 1,
    ...ADDED,
  });
});

test("attributes that are null are left out, but null data is data", () => {
  const event: unknown = JSON.parse(
    canonical('{"type":"a","id":"x","id":null,"time":null,"subject":null,"data":null}'),
  );
  expect(event).toMatchObject({ id: "assigned", idassigned: true, time: ADDED.receivedtime, data: null });
  expect(event).not.toHaveProperty("subject");
});

test("an event is one line, whatever line ends stand between its tokens", () => {
  const text = canonical('{\r\n  "type": "a",\r  "data": {\n    "s": "a\\nb"\n  }\n}');
  expect(text).not.toMatch(/[\r\n]/);
  expect(JSON.parse(text)).toMatchObject({ type: "a", data: { s: "a\nb" } });
});

test("encoding leaves the sender's bytes as they came, for the quarantine", () => {
  const event = incoming('{\n"type":"a"}');
  encodeDraft(event, 0, ENRICHMENT, "i");
  expect(event.raw.toString()).toBe('{\n"type":"a"}');
});

test.each(["{}", "{ \n }", '{"source":null}', '{"specversion":"1.0"}'])(
  "%j leaves nothing between head and tail",
  (raw) => {
    const text = textOf(encodeDraft(incoming(raw, { rewrite: true }), 42, ENRICHMENT, "i"));
    expect(JSON.parse(text)).toMatchObject({ id: "i", ...ADDED });
  },
);

test("an empty object needs no rewriting to be encoded", () => {
  expect(JSON.parse(textOf(encodeDraft(incoming("{ }"), 42, ENRICHMENT, "i")))).toMatchObject({ id: "i", ...ADDED });
});

const REMOVED = ["specversion", "source", "sendersource", "idassigned", ...Object.keys(ADDED)];

/** Any member name, often one that the collector cares for, spelled plainly or in escapes. */
const member = fc.tuple(
  fc.oneof(
    fc.string({ unit: "binary" }),
    fc.constantFrom(...REMOVED, "data", "id", "__proto__", "constructor", "", 'q"\\'),
  ),
  fc.jsonValue(),
  fc.boolean(),
);

function literal(name: string, escaped: boolean): string {
  if (!escaped) return JSON.stringify(name);
  return `"${name
    .split("")
    .map((unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)
    .join("")}"`;
}

function membersOf(text: string): Map<string, unknown> {
  const object: unknown = JSON.parse(text);
  return new Map(Object.entries(object ?? {}));
}

test("any object becomes one JSON object with the sender's members and the collector's, each once", () => {
  const spaces = fc.constantFrom("", " ", "\n\t", "\r\n");
  fc.assert(
    fc.property(fc.array(member), spaces, fc.option(fc.constant("own"), { nil: undefined }), (members, space, id) => {
      const list = members.map(([name, value, escaped]) =>
        [literal(name, escaped), ":", JSON.stringify(value, undefined, space)].join(space),
      );
      const raw = `{${space}${list.join(`${space},${space}`)}${space}}`;
      const text = textOf(encodeDraft(incoming(raw, { rewrite: true, id }), 42, ENRICHMENT, "i"));
      const sent = membersOf(Buffer.from(raw).toString());
      const source: unknown = sent.get("source");
      for (const name of REMOVED) sent.delete(name);
      for (const [name, value] of sent) if (value === null && name !== "data") sent.delete(name);
      const own = { specversion: "1.0", source: "web", time: ADDED.receivedtime, ...ADDED };
      const expected = new Map<string, unknown>([
        ...Object.entries(own),
        ...(id === undefined ? Object.entries({ id: "i", idassigned: true }) : []),
        ...(source === undefined || source === null ? [] : ([["sendersource", source]] as const)),
        ...sent,
      ]);
      expect(membersOf(text)).toEqual(expected);
      expect(text).not.toMatch(/[\r\n]/);
    }),
    { numRuns: 500 },
  );
});

test("assigned ids are UUIDs of version 7 and never the same", () => {
  const ids = new Set(Array.from({ length: 1_000 }, newEventId));
  expect(ids.size).toBe(1_000);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});
