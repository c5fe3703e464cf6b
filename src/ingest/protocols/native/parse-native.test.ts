import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventLimits, IncomingEvent, IncomingItem, MalformedEvent } from "../incoming-event.ts";
import { layoutOf, NATIVE_MEDIA_TYPES, parseNative } from "./parse-native.ts";
import { type ReadBody, readAll } from "./read-all-fixture.ts";

const LIMITS: EventLimits = { maxEventBytes: 1_000, maxEventsPerRequest: 5, maxJsonDepth: 8, maxJsonKeys: 50 };

function parse(body: string | Uint8Array, mediaType?: string): ReadBody {
  const layout = layoutOf(mediaType);
  if (layout === undefined) throw new Error("the media type is not read");
  return readAll(parseNative(Buffer.from(body), layout, LIMITS));
}

function items(body: ReadBody): readonly IncomingItem[] {
  if (body.kind !== "items") throw new Error(body.detail);
  return body.items;
}

function only(body: ReadBody): IncomingItem | undefined {
  const all = items(body);
  expect(all).toHaveLength(1);
  return all[0];
}

function event(body: ReadBody): IncomingEvent {
  const item = only(body);
  if (item?.kind !== "event") throw new Error(JSON.stringify(item?.malformed.problems));
  return item.event;
}

function malformed(item: IncomingItem | undefined): MalformedEvent {
  if (item?.kind !== "malformed") throw new Error("the event is well formed");
  return item.malformed;
}

/** `code pointer` of each problem. */
function problems(text: string): string[] {
  return malformed(only(parse(text))).problems.map((problem) => `${problem.code} ${problem.pointer}`);
}

function message(text: string): string | undefined {
  return malformed(only(parse(text))).problems[0]?.message;
}

/** The types in order, and for what is no event the codes of its problems. */
function outline(body: ReadBody): string[] {
  return items(body).map((item) =>
    item.kind === "event" ? item.event.type : item.malformed.problems.map((problem) => problem.code).join(),
  );
}

function unreadable(body: ReadBody): string {
  if (body.kind !== "unreadable") throw new Error("the body is readable");
  return `${body.code}: ${body.detail}`;
}

test("an event keeps its bytes and its attributes", () => {
  const text =
    '{"id":"1","type":"a.b","time":"2026-11-23T05:55:34Z","dataschema":"s/1","data":{"n":12345678901234567890,"n":1.0}}';
  expect(event(parse(` ${text}\n`))).toMatchObject({
    id: "1",
    type: "a.b",
    time: "2026-11-23T05:55:34Z",
    dataschema: "s/1",
    raw: Buffer.from(text),
    rewrite: false,
  });
});

test.each(NATIVE_MEDIA_TYPES)("%s takes one event, whatever its parameters and case", (mediaType) => {
  expect(outline(parse('{"type":"a"}', mediaType))).toEqual(["a"]);
  expect(outline(parse('{"type":"a"}', `${mediaType.toUpperCase()} ; charset=utf-8`))).toEqual(["a"]);
});

test("a body without a media type, as beacons send it, is one event, an array or lines", () => {
  for (const mediaType of [undefined, "", "text/plain;charset=UTF-8", "application/json"]) {
    expect(outline(parse('{"type":"a"}', mediaType))).toEqual(["a"]);
    expect(outline(parse('{\n "type": "a"\n}', mediaType))).toEqual(["a"]);
    expect(outline(parse(' [ {"type":"a"} ,\n{"type":"b"}]', mediaType))).toEqual(["a", "b"]);
    expect(outline(parse('{"type":"a"}\n{"type":"b"}', mediaType))).toEqual(["a", "b"]);
    expect(outline(parse('{"type":"a",}\r\n\r\n{"type":"b"}', mediaType))).toEqual(["invalid_json", "b"]);
  }
});

test("another media type is not read", () => {
  expect(layoutOf("application/xml")).toBeUndefined();
});

test("lines may be blank, end with CRLF, and follow a byte order mark", () => {
  const body = parse('\uFEFF\r\n{"type":"a"}\r\n \r\n\t{"type":"b"} \r\n', "application/x-ndjson");
  expect(outline(body)).toEqual(["a", "b"]);
  expect(items(body).map((item) => item.kind === "event" && item.event.raw.toString())).toEqual([
    '{"type":"a"}',
    '{"type":"b"}',
  ]);
});

test("a broken line is malformed, with its number, and the others go on", () => {
  const body = parse('\n{"type":"a"}\n{"type":"b",}\n5\n{"type":"c"}{}', "application/x-ndjson");
  expect(outline(body)).toEqual(["a", "invalid_json", "type", "invalid_json"]);
  expect(malformed(items(body)[1]).problems[0]?.message).toBe("Line 3, column 13: a comma before }; leave it out.");
  expect(malformed(items(body)[3]).raw.toString()).toBe('{"type":"c"}{}');
});

test("an element that is not an object is malformed, and the others go on", () => {
  const body = parse('[5,"x",null,[{"type":"a"}],{"type":"b"}]');
  expect(outline(body)).toEqual(["type", "type", "type", "type", "b"]);
});

test("an array that is not JSON is unreadable as a whole", () => {
  expect(unreadable(parse('[{"type":"a"},\n{"type":"b",}]'))).toBe(
    "invalid_json: Line 2, column 13: a comma before }; leave it out.",
  );
  expect(unreadable(parse('[{"type":"a"},'))).toContain("] is missing. Was the body cut off?");
});

test("bodies that hold no event say so", () => {
  expect(unreadable(parse(""))).toContain("empty_body");
  expect(unreadable(parse("\uFEFF \n\n", "application/x-ndjson"))).toContain("empty_body");
  expect(unreadable(parse(" [ ] "))).toContain("no_events");
  expect(unreadable(parse("hello"))).toContain("invalid_json");
  expect(unreadable(parse(Buffer.from('{"type":"a"}', "utf16le")))).toContain("looks like UTF-16");
});

test("a body that is not UTF-8 is refused, with the place", () => {
  const latin1 = Buffer.concat([Buffer.from('{"a":"\uFFFD",\n"b":"'), Buffer.from([0xe9]), Buffer.from('"}')]);
  expect(unreadable(parse(latin1))).toContain(
    "invalid_utf8: The body is not UTF-8: the byte 0xE9 at offset 17 (line 2, column 6)",
  );
  expect(unreadable(parse(Buffer.from([0xff, 0xfe, 0x7b, 0])))).toContain("invalid_utf8: The body is UTF-16");
});

test("a request holds at most maxEventsPerRequest events", () => {
  const five = Array.from({ length: 5 }, () => '{"type":"a"}');
  const six = [...five, ...five.slice(0, 1)];
  expect(items(parse(five.join("\n")))).toHaveLength(5);
  expect(items(parse(`[${five.join(",")}]`))).toHaveLength(5);
  expect(unreadable(parse(six.join("\n")))).toContain("too_many_events");
  expect(unreadable(parse(`[${six.join(",")}]`))).toContain("too_many_events");
});

test.each([
  ["event_too_large", `{"type":"a","data":"${"x".repeat(1_000)}"}`],
  ["too_deep", `{"type":"a","data":${"[".repeat(8)}${"]".repeat(8)}}`],
  ["too_many_keys", `{"type":"a","data":[${"1,".repeat(48)}1]}`],
])("%s: an event over a limit is malformed and the others go on", (code, text) => {
  expect(outline(parse(`[${text},{"type":"b"}]`))).toEqual([code, "b"]);
  expect(outline(parse(`${text}\n{"type":"b"}`, "application/x-ndjson"))).toEqual([code, "b"]);
  expect(outline(parse(text))).toEqual([code]);
});

test("a member's name may be as long as a name is, a value as long as the event", () => {
  const limits = { ...LIMITS, maxEventBytes: 10_000 };
  const read = (text: string) => outline(readAll(parseNative(Buffer.from(text), "any", limits)));
  for (const [length, expected] of [
    [1_024, "a"],
    [1_025, "name_too_long"],
  ] as const) {
    expect(read(`{"type":"a","data":[{"x":{"${"n".repeat(length)}" : 1}}]}`)).toEqual([expected]);
  }
  expect(read(`{"type":"a","data":["${"n".repeat(5_000)}","${"n".repeat(1_025)}"]}`)).toEqual(["a"]);
});

test("an event at a limit is taken", () => {
  expect(outline(parse(`{"type":"a","data":${"[".repeat(7)}${"]".repeat(7)}}`))).toEqual(["a"]);
  expect(outline(parse(`{"type":"a","data":[${"1,".repeat(47)}1]}`))).toEqual(["a"]);
});

test.each([
  ["{}", "required /type"],
  ['{"type":null}', "required /type"],
  ['{"type":5}', "type /type"],
  ['{"type":""}', "invalid_attribute /type"],
  ['{"type":"a\\nb"}', "invalid_attribute /type"],
  ['{"type":"\\ud800"}', "invalid_attribute /type"],
  [`{"type":"${"é".repeat(128)}"}`, "invalid_attribute /type"],
  ['{"type":"a","id":17}', "type /id"],
  ['{"type":"a","id":""}', "invalid_attribute /id"],
  ['{"type":"a","time":"yesterday"}', "invalid_attribute /time"],
  ['{"type":"a","time":1700000000}', "type /time"],
  ['{"type":"a","specversion":"0.3"}', "invalid_attribute /specversion"],
  ['{"type":"a","specversion":1.0}', "type /specversion"],
  ['{"type":"a","subject":{}}', "type /subject"],
  ['{"type":"a","source":7}', "type /source"],
  ['{"type":"a","data":1,"data_base64":"AA=="}', "invalid_attribute /data_base64"],
  ['{"type":"a","data_base64":[]}', "type /data_base64"],
  ['{"type":"a","userId":"u"}', "invalid_attribute /userId"],
  ['{"type":"a","a/b~c":"u"}', "invalid_attribute /a~1b~0c"],
  ['{"type":"a","__proto__":{"x":1}}', "invalid_attribute /__proto__"],
  ['{"type":"a","context":{}}', "invalid_attribute /context"],
  ['{"type":"a","ratio":1.5}', "invalid_attribute /ratio"],
  ['{"type":"a","big":2147483648}', "invalid_attribute /big"],
])("%s is refused: %s", (text, problem) => {
  expect(problems(text)).toEqual([problem]);
});

test.each([
  `{"type":"${"é".repeat(127)}"}`,
  '{"type":"a","id":null,"time":null,"subject":null,"x":null}',
  '{"type":"a","constructor":"x","n":-2147483648,"ok":true}',
  '{"type":"a","data":{"__proto__":{"polluted":true}}}',
  '{"type":"a","data_base64":"AA=="}',
  '{"specversion":"1.0","source":"/s","type":"a","clientip":5}',
])("%s is an event", (text) => {
  expect(only(parse(text))?.kind).toBe("event");
  expect(Object.hasOwn(Object.prototype, "polluted")).toBe(false);
});

test("all problems of an event are told at once, up to twenty, with its id", () => {
  const { id, problems: all } = malformed(only(parse('{"id":"e1","time":1,"userId":1}')));
  expect(id).toBe("e1");
  expect(all.map(({ code }) => code)).toEqual(["type", "invalid_attribute", "required"]);
  const many = Array.from({ length: 40 }, (_, index) => `"K${index}":1`).join(",");
  expect(malformed(only(parse(`{"type":"a",${many}}`))).problems).toHaveLength(20);
});

test("messages tell what to do", () => {
  expect(message('{"type":"a","id":17}')).toBe('"id" must be a string; found 17. Put it in quotes: "17".');
  expect(message('{"type":"a","userId":1}')).toContain('Put it inside "data".');
  expect(message('{"type":"a","time":1700000000000}')).toContain('here perhaps "2023-11-14T22:13:20.000Z"');
});

test.each([
  ['{"type":"a","data":null}', false],
  ['{"type":"a","source":"s"}', true],
  ['{"type":"a","\\u0073pecversion":"1.0"}', true],
  ['{"type":"a","useragent":"x"}', true],
  ['{"type":"a","subject":null}', true],
  ['{"type":"b","type":"a"}', true],
])("%s needs rewriting: %s", (text, rewrite) => {
  expect(event(parse(text)).rewrite).toBe(rewrite);
});

test("any bytes, whole or cut anywhere, are read or explained, and never throw", () => {
  const text = fc.array(
    fc.constantFrom("{", "}", "[", "]", '"type"', ":", ",", '"a"', "\n", "5", "null", '{"type":"a"}', "\uFEFF", "\\"),
  );
  const bytes = fc.oneof(
    fc.uint8Array(),
    text.map((parts) => Buffer.from(parts.join(""))),
    fc.json().map((json) => Buffer.from(`[{"type":"a","data":${json}}]`)),
  );
  const layouts = fc.constantFrom("lines" as const, "any" as const);
  fc.assert(
    fc.property(bytes, fc.nat(), layouts, (whole, cut, layout) => {
      const body = Buffer.from(whole.subarray(0, whole.length - (cut % (whole.length + 1))));
      const result = readAll(parseNative(body, layout, LIMITS));
      expect(result.kind === "unreadable" ? result.detail : items(result)).not.toHaveLength(0);
    }),
    { numRuns: 2_000 },
  );
});
