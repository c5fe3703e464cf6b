import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventLimits } from "../incoming-event.ts";
import { mapSnowplow } from "./map-event.ts";
import { parametersOfQuery } from "./snowplow-parameters.ts";

const LIMITS: EventLimits = { maxEventBytes: 100_000, maxEventsPerRequest: 5, maxJsonDepth: 20, maxJsonKeys: 500 };
const RECEIVED_MS = Date.UTC(2026, 0, 31, 12);
const UNSTRUCT = "iglu:com.snowplowanalytics.snowplow/unstruct_event/jsonschema/1-0-0";
const CONTEXTS = "iglu:com.snowplowanalytics.snowplow/contexts/jsonschema/1-0-1";
const PAID = "iglu:com.acme/checkout.paid/jsonschema/1-0-0";

function map(parameters: Readonly<Record<string, string>>) {
  const mapped = mapSnowplow(parametersOfQuery(new Map(Object.entries(parameters))), LIMITS, RECEIVED_MS);
  if ("code" in mapped) return { problem: mapped, time: undefined, rest: undefined };
  const { snowplow: rest, ...attributes } = mapped.attributes ?? {};
  return { ...mapped, attributes, rest, data: String(mapped.data) };
}

function unstruct(data: string): string {
  return `{"schema":"${UNSTRUCT}","data":{"schema":"${PAID}","data":${data}}}`;
}

test("a self-describing event is named by its schema, and its data stays as it was sent, in base64 or not", () => {
  const data = '{ "total": 12345678901234567890.10, "ключ": "\\u20ac" }';
  const json = unstruct(data);
  const expected = { type: "checkout.paid", dataschema: PAID, data, id: "1", rest: undefined };
  expect(map({ e: "ue", eid: "1", ue_pr: json })).toMatchObject(expected);
  expect(map({ e: "ue", eid: "1", ue_px: Buffer.from(json).toString("base64url") })).toMatchObject(expected);
  expect(map({ e: "ue", eid: "1", ue_px: Buffer.from(json).toString("base64") })).toMatchObject(expected);
});

test("the protocol's own events have their parameters as data, under the names of Snowplow's table", () => {
  expect(map({ e: "pv", url: "https://shop.example/", page: "Shop", refr: "https://a.example/" })).toMatchObject({
    type: "page_view",
    data: '{"page_url":"https://shop.example/","page_title":"Shop","page_referrer":"https://a.example/"}',
  });
  expect(map({ e: "pp", url: "u", pp_mix: "0", pp_max: "0", pp_miy: "12", pp_may: "300" })).toMatchObject({
    type: "page_ping",
    data: '{"page_url":"u","pp_xoffset_min":0,"pp_xoffset_max":0,"pp_yoffset_min":12,"pp_yoffset_max":300}',
  });
  expect(map({ e: "se", se_ca: "cart", se_ac: "add", se_la: "l", se_pr: "p", se_va: "2.50", url: "u" })).toMatchObject({
    type: "struct",
    data: '{"se_category":"cart","se_action":"add","se_label":"l","se_property":"p","se_value":2.50}',
    rest: '{"url":"u"}',
  });
  expect(map({ e: "se", se_ca: "cart", se_ac: "add", se_va: "much" })).toMatchObject({
    data: '{"se_category":"cart","se_action":"add","se_value":"much"}',
  });
  expect(map({ e: "tr", tr_id: "o1", tr_tt: "10", tr_cu: "EUR" })).toMatchObject({
    type: "transaction",
    data: '{"tr_orderid":"o1","tr_total":10,"tr_currency":"EUR"}',
  });
  expect(map({ e: "ti", ti_id: "o1", ti_sk: "mug", ti_qu: "2" })).toMatchObject({
    type: "transaction_item",
    data: '{"ti_orderid":"o1","ti_sku":"mug","ti_quantity":2}',
  });
});

test("who and which session are attributes, and all the rest is kept, contexts as JSON with all their digits", () => {
  const contexts = `{"schema":"${CONTEXTS}","data":[{"schema":"iglu:com.acme/user/jsonschema/1-0-0","data":{"n":1.10000000000000000001}}]}`;
  const mapped = map({
    e: "pv",
    uid: "ada",
    duid: "d-1",
    sid: "s-1",
    aid: "shop",
    tv: "js-4",
    cx: Buffer.from(contexts).toString("base64url"),
  });
  expect(mapped).toMatchObject({
    attributes: { userid: "ada", domainuserid: "d-1", sessionid: "s-1" },
    rest: `{"aid":"shop","tv":"js-4","co":${contexts}}`,
  });
  expect(map({ e: "pv", co: contexts }).rest).toBe(`{"co":${contexts}}`);
  expect(map({ e: "pv", co: "{}", cx: "e30" }).rest).toBe('{"co":{},"cx":{}}');
});

test("the time is the true one, else the device's, corrected by what its clock was off when it sent the event", () => {
  const at = (parameters: Record<string, string>) => map({ e: "pv", ...parameters }).time;
  const ttm = String(Date.UTC(2025, 5, 1));
  expect(at({ ttm, dtm: "1", stm: "2" })).toBe("2025-06-01T00:00:00.000Z");
  expect(at({ dtm: "1000", stm: "61000" })).toBe("2026-01-31T11:59:00.000Z");
  expect(at({ dtm: "1000" })).toBe("1970-01-01T00:00:01.000Z");
  expect(at({ dtm: "2000", stm: "1000" })).toBeUndefined();
  expect(at({ dtm: "0", stm: "200000000000000" })).toBeUndefined();
  expect(at({})).toBeUndefined();
  expect(map({ e: "pv", dtm: "1000", stm: "2000" }).rest).toBe('{"dtm":"1000","stm":"2000"}');
});

test("what is wrong with an event is told with the parameter", () => {
  const problem = (parameters: Record<string, string>) => {
    const mapped = map(parameters);
    const { code, pointer } = "problem" in mapped ? mapped.problem : { code: "none", pointer: "" };
    return [code, pointer];
  };
  expect(problem({})).toEqual(["required", "/e"]);
  expect(problem({ e: "zz" })).toEqual(["invalid_attribute", "/e"]);
  expect(problem({ e: "ue" })).toEqual(["required", "/ue_pr"]);
  expect(problem({ e: "ue", ue_pr: "{" })).toEqual(["invalid_json", "/ue_pr"]);
  expect(problem({ e: "ue", ue_px: "_w" })).toEqual(["invalid_json", "/ue_px"]);
  expect(problem({ e: "ue", ue_pr: "[]" })).toEqual(["invalid_attribute", "/ue_pr"]);
  expect(problem({ e: "ue", ue_pr: `{"schema":"${PAID}","data":{}}` })).toEqual(["invalid_attribute", "/ue_pr"]);
  expect(problem({ e: "ue", ue_pr: `{"schema":"${UNSTRUCT}","data":{}}` })).toEqual(["invalid_attribute", "/ue_pr"]);
  expect(problem({ e: "ue", ue_pr: `{"schema":"${UNSTRUCT}","data":{"schema":"x","data":{}}}` })).toEqual([
    "invalid_attribute",
    "/ue_pr",
  ]);
  expect(problem({ e: "ue", ue_pr: unstruct("[".repeat(30) + "]".repeat(30)) })[0]).toBe("too_deep");
  expect(problem({ e: "pv", cx: "bm90" })).toEqual(["invalid_json", "/cx"]);
  expect(problem({ e: "pv", dtm: "yesterday" })).toEqual(["invalid_attribute", "/dtm"]);
  expect(problem({ e: "pv", ttm: "999999999999999" })).toEqual(["invalid_attribute", "/ttm"]);
});

test("every parameter is found again in the event", () => {
  const text = fc.oneof(fc.string({ unit: "grapheme" }), fc.constantFrom("\0", "\ud800", "2.50", "null"));
  const name = fc.oneof(
    fc.constantFrom("url", "page", "se_ca", "se_va", "pp_mix", "uid", "duid", "sid", "aid", "tr_id", "__proto__"),
    text,
  );
  const special = new Set(["e", "eid", "co", "cx", "dtm", "stm", "ttm"]);
  fc.assert(
    fc.property(fc.dictionary(name, text, { maxKeys: 12 }), fc.constantFrom("pv", "pp", "se", "tr"), (some, e) => {
      const parameters = new Map(Object.entries(some).filter(([each]) => !special.has(each)));
      const mapped = mapSnowplow(parametersOfQuery(new Map([...parameters, ["e", e]])), LIMITS, RECEIVED_MS);
      if ("code" in mapped) throw new Error(mapped.message);
      const { snowplow, ...attributes } = mapped.attributes ?? {};
      const held = [
        typeof snowplow === "string" ? JSON.parse(snowplow) : {},
        attributes,
        JSON.parse(String(mapped.data)),
      ].flatMap((each) => Object.values(each as object).map(String));
      const isFound = (value: string) => held.includes(value) || held.includes(String(Number(value)));
      expect([...parameters.values()].filter((value) => !isFound(value))).toEqual([]);
      expect(held.length).toBe(parameters.size);
    }),
  );
});

test("a network user id is the tracker's own, else the cookie's, and without the cookie it is a parameter like others", () => {
  const mapAs = (parameters: Readonly<Record<string, string>>, id?: string) => {
    const mapped = mapSnowplow(parametersOfQuery(new Map(Object.entries({ e: "pv", ...parameters }))), LIMITS, 0, id);
    return "code" in mapped ? undefined : mapped.attributes;
  };
  expect(mapAs({}, "c")).toEqual({ networkuserid: "c" });
  expect(mapAs({ nuid: "" }, "c")).toEqual({ networkuserid: "c", snowplow: '{"nuid":""}' });
  expect(mapAs({ nuid: "n" }, "c")).toEqual({ networkuserid: "n" });
  expect(mapAs({ nuid: "n", tnuid: "t" }, "c")).toEqual({ networkuserid: "t", snowplow: '{"nuid":"n"}' });
  expect(mapAs({ nuid: "n" })).toEqual({ snowplow: '{"nuid":"n"}' });
});
