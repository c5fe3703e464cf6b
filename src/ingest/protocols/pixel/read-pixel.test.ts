import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventLimits } from "../incoming-event.ts";
import { readPixel } from "./read-pixel.ts";

const LIMITS: EventLimits = { maxEventBytes: 100_000, maxEventsPerRequest: 5, maxJsonDepth: 20, maxJsonKeys: 500 };

/** The event of a query, its problem's code, or why there is none. */
function read(query: string) {
  const { value } = readPixel(`/v1/pixel.gif?${query}`, LIMITS).next();
  if (value?.kind === "event") return JSON.parse(value.event.raw.toString()) as Record<string, unknown>;
  return value?.kind === "malformed" ? value.malformed.problems[0]?.code : value?.code;
}

test("parameters that are not the event's own are members of its data", () => {
  expect(
    read("key=wk&ack=durable&type=mail.opened&id=1&time=2026-01-31T12:00:00%2B02:00&campaign=a+b&data.type=x"),
  ).toEqual({
    type: "mail.opened",
    id: "1",
    time: "2026-01-31T12:00:00+02:00",
    data: { campaign: "a b", type: "x" },
  });
  expect(read("type=a")).toEqual({ type: "a" });
  expect(read("type=a&time=2026-01-31T12:00:00+02:00")).toMatchObject({ time: "2026-01-31T12:00:00+02:00" });
  expect(JSON.stringify(read("type=a&__proto__=1"))).toBe('{"type":"a","data":{"__proto__":"1"}}');
});

test("data is JSON, percent-encoded or in base64url, with its bytes as they were, and other members are added", () => {
  const json = '{"n": 1.10000000000000000001, "deep": [1]}';
  for (const data of [encodeURIComponent(json), Buffer.from(json).toString("base64url")]) {
    const { value } = readPixel(`/v1/pixel.gif?type=a&data=${data}&b=2`, LIMITS).next();
    expect(value?.kind === "event" && value.event.raw.toString()).toBe(
      '{"type":"a","data":{"n": 1.10000000000000000001, "deep": [1],"b":"2"}}',
    );
  }
  for (const value of [[1], "text", 5, -1, true, false, null, {}]) {
    const text = JSON.stringify(value);
    expect(read(`type=a&data=${encodeURIComponent(text)}`)).toEqual({ type: "a", data: value });
    expect(read(`type=a&data=${Buffer.from(text).toString("base64url")}`)).toEqual({ type: "a", data: value });
  }
  expect(read("type=a&data=%7B%7D&b=2")).toEqual({ type: "a", data: { b: "2" } });
});

test("what cannot be an event is told apart", () => {
  expect(read("b=1")).toBe("required");
  expect(read("type=a&time=yesterday")).toBe("invalid_attribute");
  expect(read("type=a&data=hello")).toBe("invalid_json");
  expect(read("type=a&data=%7B")).toBe("invalid_json");
  expect(read("type=a&data=e3")).toBe("invalid_json");
  expect(read("type=a&data=5&b=1")).toBe("type");
  expect(read("type=a&data=%7B%22b%22:1%7D&b=1")).toBe("invalid_attribute");
  expect(read("type=a&b=1&data.b=1")).toBe("invalid_attribute");
  expect(read("type=a&b=1&b=2")).toBe("query_invalid");
  expect(read("type=a&b=%ff")).toBe("url_invalid");
  expect(read(`type=a&data=${"[".repeat(30)}${"]".repeat(30)}`)).toBe("too_deep");
});

test("every parameter is found again in the event", () => {
  const name = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("__proto__", "constructor", "data.", "a.b"));
  fc.assert(
    fc.property(fc.dictionary(name, fc.string({ unit: "grapheme" })), (some) => {
      const own = new Set(["type", "id", "time", "data", "key", "ack", "validate"]);
      const members = Object.entries(some).filter(([each]) => !own.has(each));
      const query = members.map(([each, value]) => `data.${encodeURIComponent(each)}=${encodeURIComponent(value)}`);
      const event = read(["type=a", ...query].join("&"));
      expect(event).toEqual({ type: "a", ...(members.length > 0 ? { data: Object.fromEntries(members) } : {}) });
    }),
  );
});

test("no query throws", () => {
  const part = fc.oneof(fc.constantFrom("type=a", "data=", "data=%7B%7D", "&", "=", "%", "data.=1"), fc.string());
  fc.assert(
    fc.property(fc.array(part), (parts) => {
      expect(() => read(parts.join("&"))).not.toThrow();
    }),
  );
});
