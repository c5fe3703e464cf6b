import * as fc from "fast-check";
import { expect, test, vi } from "vitest";
import type { EventLimits, IncomingBody } from "../incoming-event.ts";
import { firstAppId, readEnvelope, readQuery } from "./read-payload.ts";

const LIMITS: EventLimits = { maxEventBytes: 10_000, maxEventsPerRequest: 5, maxJsonDepth: 8, maxJsonKeys: 50 };
const UNSTRUCT = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0";

/** Reads to the end: how many items there are, and whether the body could be read. */
function read(items: IncomingBody): { readonly items: number; readonly readable: boolean } {
  let count = 0;
  for (;;) {
    const next = items.next();
    if (next.done === true) return { items: count, readable: next.value === undefined };
    count++;
  }
}

const parameter = fc.tuple(
  fc.oneof(fc.constantFrom("e", "eid", "ue_pr", "ue_px", "co", "cx", "dtm", "stm", "uid"), fc.string()),
  fc.oneof(
    fc.constantFrom("ue", "pv", "", "{}", `{"schema":"${UNSTRUCT}","data":{"schema":"iglu:a/b/c/1-0-0","data":[[]]}}`),
    fc.string({ unit: "binary" }),
    fc.json().map((json) => `{"schema":"${UNSTRUCT}","data":${json}}`),
    fc.json().map((json) => Buffer.from(json).toString("base64url")),
  ),
);

test("every body is read to an end, and what can be told apart is an item each", () => {
  const events = fc.array(
    fc.array(parameter).map((each) => Object.fromEntries(each)),
    { minLength: 1, maxLength: 5 },
  );
  fc.assert(
    fc.property(events, (data) => {
      expect(read(readEnvelope(Buffer.from(JSON.stringify({ data })), LIMITS, 0))).toEqual({
        items: data.length,
        readable: true,
      });
    }),
  );
});

test("no body throws, as events or for its app id", () => {
  const text = fc.oneof(
    fc.json(),
    fc.json().map((data) => `{"data":${data}}`),
    fc.json().map((data) => `{"data":[{"aid":${data},"e":"pv"}]}`),
    fc.string({ unit: "binary" }),
    fc.constantFrom(
      '{"data":[',
      '{"data":[{"e"',
      '{"data":[{"e":"ue","ue_pr":"\\ud800"}]}',
      "\ufeff{}",
      '{"data":[{"aid":"',
    ),
  );
  const body = fc.oneof(
    text.map((each) => Buffer.from(each)),
    fc.uint8Array().map((each) => Buffer.from(each)),
  );
  fc.assert(
    fc.property(body, (bytes) => {
      read(readEnvelope(bytes, LIMITS, 0));
      firstAppId(bytes);
    }),
  );
});

test("no query throws, and one that can be read is one item", () => {
  const encoded = fc.array(parameter).map((each) => new URLSearchParams(each).toString());
  fc.assert(
    fc.property(fc.oneof(encoded, fc.string()), (query) => {
      const { items, readable } = read(readQuery(`/i?${query}`, LIMITS, 0));
      expect(items).toBe(readable ? 1 : 0);
    }),
  );
});

test("the app id is that of the first event, if it is one that can be a key", () => {
  const aid = (body: string) => firstAppId(Buffer.from(body));
  expect(aid(' {"schema":"x","data":[{"e":"pv","aid":"a","url":"u"},{"aid":"b"}]}')).toBe("a");
  expect(aid('{"data":[{"aid":"a","aid":"b"}]}')).toBe("b");
  expect(aid('{"data":[{"e":"pv"},{"aid":"b"}]}')).toBeUndefined();
  expect(aid('{"data":[{"aid":5}]}')).toBeUndefined();
  expect(aid('{"data":[]}')).toBeUndefined();
});

test("what has more members than anyone sends is neither told apart nor parsed", () => {
  const many = Array.from({ length: 1_001 }, (_, index) => `"${index}":0`).join(",");
  expect(firstAppId(Buffer.from('{"data":[{"e":"pv","aid":"shop"}]}'))).toBe("shop");
  expect(firstAppId(Buffer.from(`{${many},"data":[{"e":"pv","aid":"shop"}]}`))).toBeUndefined();
  expect(firstAppId(Buffer.from(`{"data":[{${many},"aid":"shop"}]}`))).toBeUndefined();

  const deep = `{"x":${"[".repeat(5_000)}${"]".repeat(5_000)}}`;
  const parse = vi.spyOn(JSON, "parse");
  const end = readEnvelope(Buffer.from(deep), LIMITS, 0).next();
  expect(parse.mock.calls.filter(([text]) => text.length > 100)).toEqual([]);
  parse.mockRestore();
  expect(end.value).toMatchObject({ code: "no_events" });
});
