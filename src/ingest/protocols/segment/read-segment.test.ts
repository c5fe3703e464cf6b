import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventLimits, IncomingItem, UnreadableBody } from "../incoming-event.ts";
import type { SegmentCall } from "./map-message.ts";
import { readBatch, readMessage, writeKeyIn } from "./read-segment.ts";

const LIMITS: EventLimits = { maxEventBytes: 20_000, maxEventsPerRequest: 5, maxJsonDepth: 10, maxJsonKeys: 500 };
const RECEIVED_MS = Date.parse("2026-01-31T12:00:10.000Z");

interface Read {
  readonly items: readonly IncomingItem[];
  readonly end: UnreadableBody | undefined;
}

function read(body: string | Buffer | object, call?: SegmentCall): Read {
  const bytes = Buffer.isBuffer(body) ? body : Buffer.from(typeof body === "string" ? body : JSON.stringify(body));
  const reading =
    call === undefined ? readBatch(bytes, LIMITS, RECEIVED_MS) : readMessage(bytes, call, LIMITS, RECEIVED_MS);
  const items: IncomingItem[] = [];
  for (;;) {
    const next = reading.next();
    if (next.done === true) return { items, end: next.value };
    if (next.value !== undefined) items.push(next.value);
  }
}

/** The text of the one event that a message becomes. */
function textOf(body: string | object, call: SegmentCall): string {
  const [item] = read(body, call).items;
  return item?.kind === "event" ? item.event.raw.toString() : JSON.stringify(item);
}

function eventOf(body: string | object, call: SegmentCall): Record<string, unknown> {
  return JSON.parse(textOf(body, call)) as Record<string, unknown>;
}

function problemsOf({ items, end }: Read): unknown[] {
  if (end !== undefined) return [end.code];
  return items.flatMap((item) =>
    item.kind === "event"
      ? ["event"]
      : item.malformed.problems.map(({ pointer, code, message }) => `${pointer} ${code}: ${message}`),
  );
}

test("a track is the event that it names, with its properties byte for byte", () => {
  const text = textOf(
    `{"type":"track","event":"checkout.paid","properties":{ "total": 12345678901234567890.10,
      "a": 1e400 },"messageId":"m-1","userId":"u-1","anonymousId":"a-1","timestamp":"2026-01-31T12:00:00Z",
      "context":{"n": 0.1000000000000000000001},"writeKey":"wk_secret"}`,
    "track",
  );
  expect(text).toContain('"id":"m-1","type":"checkout.paid","time":"2026-01-31T12:00:00Z"');
  expect(text).toContain('"userid":"u-1","anonymousid":"a-1"');
  expect(text).toMatch(/"data":\{ "total": 12345678901234567890\.10,\s+"a": 1e400 \}\}$/);
  expect(JSON.parse(text).segment).toBe(
    '{"type":"track","timestamp":"2026-01-31T12:00:00Z","context":{"n": 0.1000000000000000000001}}',
  );
  expect(text).not.toContain("wk_secret");
});

test.each([
  ["identify", { traits: { plan: "pro" }, properties: 1 }, { plan: "pro" }, { properties: 1 }],
  ["group", { groupId: "g", traits: { name: "G" } }, { name: "G" }, { groupId: "g" }],
  ["page", { name: "Home", category: "c", properties: { url: "u" } }, { url: "u" }, { name: "Home", category: "c" }],
  ["screen", { name: "Home", properties: null }, null, { name: "Home" }],
  [
    "alias",
    { previousId: "p", traits: {}, properties: {} },
    undefined,
    { previousId: "p", traits: {}, properties: {} },
  ],
] as const)(
  "a call of %s is an event of that type, with its payload as data and the rest in one attribute",
  (...row) => {
    const [call, message, data, rest] = row;
    for (const type of [undefined, call]) {
      const event = eventOf({ ...message, type }, call);
      expect([event["type"], event["data"]]).toEqual([call, data]);
      expect(JSON.parse(String(event["segment"]))).toEqual({ type: call, ...rest });
    }
  },
);

test("who it was is a string to filter by, and a number stays one as well", () => {
  const event = eventOf('{"event":"a","userId":9007199254740993,"anonymousId":""}', "track");
  expect(event).toMatchObject({ userid: "9007199254740993" });
  expect(event).not.toHaveProperty("anonymousid");
  expect(event["segment"]).toBe('{"type":"track","userId":9007199254740993,"anonymousId":""}');
  expect(eventOf('{"event":"a","userId":null}', "track")["segment"]).toBe('{"type":"track","userId":null}');
});

test("what a batch says once is repeated in each of its events, and its time of sending corrects theirs", () => {
  const message = { type: "track", event: "a", timestamp: "2026-01-31T13:00:05Z" };
  const { items, end } = read({
    batch: [message, { ...message, sentAt: "2026-01-31T13:00:06Z" }],
    sentAt: "2026-01-31T13:00:10Z",
    context: { ip: "::1" },
    writeKey: "wk_secret",
  });
  expect(end).toBeUndefined();
  const events = items.map((item) => JSON.parse(item.kind === "event" ? item.event.raw.toString() : "{}"));
  expect(events.map((event) => event.time)).toEqual(["2026-01-31T12:00:05.000Z", "2026-01-31T12:00:09.000Z"]);
  expect(JSON.parse(events[0].segment)).toEqual({
    type: "track",
    batch: { sentAt: "2026-01-31T13:00:10Z", context: { ip: "::1" } },
    timestamp: "2026-01-31T13:00:05Z",
  });
});

test("a message of a batch that is none is refused by itself", () => {
  const batch = [{ type: "page" }, 5, { type: "charge" }, {}, { type: "track", event: "a" }];
  expect(problemsOf(read({ batch }))).toEqual([
    "event",
    ' type: An event is a JSON object with at least a "type"; found 5.',
    '/type invalid_attribute: "type" must be one of alias, group, identify, page, screen, track; found "charge".',
    '/type required: "type" is missing. Say what the message is: alias, group, identify, page, screen, track.',
    "event",
  ]);
});

test("what is wrong with a message is told by the names that it has there", () => {
  const track = (message: object): unknown[] => problemsOf(read(message, "track"));
  expect(track({})).toEqual([`/event required: "event" is missing. Name what happened, such as "page.viewed".`]);
  expect(track({ event: 7, messageId: 8 })).toEqual([
    `/messageId type: "messageId" must be a string; found 8. Put it in quotes: "8".`,
    `/event type: "event" must be a string; found 7. Put it in quotes: "7".`,
  ]);
  expect(track({ event: "a", timestamp: 1_700_000_000 })).toEqual([
    `/timestamp type: "timestamp" must be a string with date, time and offset as in RFC 3339, here perhaps "2023-11-14T22:13:20.000Z"; found 1700000000.`,
  ]);
  expect(track({ event: "a", type: "page" })).toEqual([
    `/type invalid_attribute: "type" is "page", where the path takes "track". Leave it out, or send the message to the path of its type.`,
  ]);
  expect(track({ batch: [] })).toEqual([
    `/batch invalid_attribute: A message has no "batch". Send batches to /v1/batch, and none within another.`,
  ]);
  expect(track({ event: "a", properties: { long: "x".repeat(20_000) } })).toEqual([
    expect.stringMatching(/^ event_too_large/),
  ]);
});

test("a body in which messages cannot be told apart is refused as a whole, and told why", () => {
  const whole = (body: string | Buffer): unknown[] => problemsOf(read(body));
  expect(whole(" \n")).toEqual(["empty_body"]);
  expect(whole(Buffer.from([0x7b, 0xff, 0x7d]))).toEqual(["invalid_utf8"]);
  for (const text of ['{"batch":[{"type":"page"},{]}', '{"batch":[],"a":tru}', '{"batch":[', '{"\\x":1,"batch":[]}']) {
    expect(whole(text)).toEqual(["invalid_json"]);
  }
  for (const text of ["[]", "5", "{}", '{"batch":{}}', '{"batch":[]}', `{${'"a":1,'.repeat(1_000)}"batch":[]}`]) {
    expect(whole(text)).toEqual(["no_events"]);
  }
  expect(whole(JSON.stringify({ batch: Array.from({ length: 6 }, () => ({ type: "page" })) }))).toEqual([
    "too_many_events",
  ]);
  expect(whole(JSON.stringify({ batch: [{ type: "page" }], context: "x".repeat(2_100) }))).toEqual(["body_too_large"]);
  expect(problemsOf(read('{"event":"a"} x', "track"))).toEqual(["invalid_json"]);
});

test("the write key is found in a message and in a batch, and nowhere else", () => {
  const keyIn = (body: string): string | undefined => writeKeyIn(Buffer.from(body));
  expect(keyIn(' {"event":"a","writeKey":"wk_1"}\n')).toBe("wk_1");
  expect(keyIn('{"batch":[{"writeKey":"wk_2"}],"write\\u004bey":"wk_1"}')).toBe("wk_1");
  for (const body of ["", "[]", '{"writeKey":7}', '{"batch":[{"writeKey":"wk_2"}]}', '{"writeKey":"wk_1"', "\xff"]) {
    expect(keyIn(body)).toBeUndefined();
  }
});

const name = fc.constantFrom("messageId", "userId", "anonymousId", "timestamp", "sentAt", "context", "__proto__", "");
const member = fc.tuple(fc.oneof(name, fc.string()), fc.oneof(fc.jsonValue(), fc.constant("2026-01-31T12:00:00Z")));
const message = fc
  .tuple(
    fc.record(
      {
        type: fc.constantFrom("track", "identify", "page", "screen", "group", "alias"),
        event: fc.oneof(fc.constant("checkout.paid"), fc.jsonValue()),
        properties: fc.jsonValue(),
        traits: fc.jsonValue(),
        messageId: fc.oneof(fc.uuid(), fc.jsonValue()),
        writeKey: fc.constant("wk_secret"),
      },
      { requiredKeys: ["type"] },
    ),
    fc.array(member, { maxLength: 5 }),
  )
  .map(([known, others]): Record<string, unknown> => ({ ...Object.fromEntries(others), ...known }));

/** A message again, as far as an event tells it. */
function messageOf(event: Record<string, unknown>): Record<string, unknown> {
  const { batch: _, ...rest } = JSON.parse(String(event["segment"])) as Record<string, unknown>;
  const back = new Map(Object.entries(rest));
  const call = rest["type"];
  if (call === "track") back.set("event", event["type"]);
  if (Object.hasOwn(event, "id")) back.set("messageId", event["id"]);
  const payload = call === "identify" || call === "group" ? "traits" : "properties";
  if (Object.hasOwn(event, "data")) back.set(payload, event["data"]);
  for (const [ours, theirs] of [
    ["userid", "userId"],
    ["anonymousid", "anonymousId"],
  ] as const) {
    if (Object.hasOwn(event, ours) && !back.has(theirs)) back.set(theirs, event[ours]);
  }
  return Object.fromEntries(back);
}

test("what is accepted is in the event with every member, and a message of any JSON is answered", () => {
  let accepted = 0;
  fc.assert(
    fc.property(
      fc.array(fc.oneof({ arbitrary: message, weight: 9 }, fc.jsonValue()), { minLength: 1, maxLength: 5 }),
      fc.jsonValue(),
      (batch, context) => {
        // As text, so that what is compared is what JSON can say, such as 0 for -0.
        const body = JSON.stringify({ batch, context });
        const sent: { batch: unknown[]; context: unknown } = JSON.parse(body);
        const { items, end } = read(body);
        if (end !== undefined) return;
        expect(items).toHaveLength(batch.length);
        for (const [index, item] of items.entries()) {
          if (item.kind === "malformed") {
            expect(item.malformed.problems.length).toBeGreaterThan(0);
            continue;
          }
          accepted++;
          const event: Record<string, unknown> = JSON.parse(item.event.raw.toString());
          const { writeKey: _, ...expected } = sent.batch[index] as Record<string, unknown>;
          expect(messageOf(event)).toEqual(expected);
          expect(JSON.parse(String(event["segment"])).batch).toEqual({ context: sent.context });
        }
      },
    ),
    { numRuns: 500 },
  );
  expect(accepted).toBeGreaterThan(200);
});

test("bytes of any kind are read or refused", () => {
  const text = fc.oneof(
    message.map((value) => JSON.stringify(value)),
    fc.json(),
    fc.string({ unit: "binary" }),
    fc.tuple(message, fc.nat(200)).map(([value, cut]) => JSON.stringify({ batch: [value] }).slice(0, cut)),
    fc.constantFrom("[".repeat(5_000), '{"a":'.repeat(3_000), '{"batch":'.repeat(3_000), "\ufeff{}", '{"batch":[,]}'),
  );
  fc.assert(
    fc.property(text, (body) => {
      writeKeyIn(Buffer.from(body));
      for (const call of [undefined, "track", "identify"] as const) {
        const { items, end } = read(body, call);
        expect(items.length > 0 || end !== undefined).toBe(true);
      }
    }),
    { numRuns: 500 },
  );
});
