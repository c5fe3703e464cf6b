import * as fc from "fast-check";
import { expect, test } from "vitest";
import { parseQuery } from "./query.ts";
import { findRoute } from "./router.ts";

test("the known parameters are read and decoded as URL does", () => {
  const value = fc.string({ unit: "grapheme" }).filter((text) => text.isWellFormed());
  fc.assert(
    fc.property(value, value, (key, ack) => {
      const target = `/v1/events?ts=1&key=${encodeURIComponent(key)}&&ack=${encodeURIComponent(ack)}`;
      expect(parseQuery(target)).toEqual({ key, ack, validate: undefined });
    }),
  );
});

test("unknown parameters are ignored, repeated and broken ones refused", () => {
  expect(parseQuery("/v1/events")).toEqual({ key: undefined, ack: undefined, validate: undefined });
  expect(parseQuery("/v1/events?cb=%zz&ts=1&_=2")).toMatchObject({ key: undefined });
  expect(parseQuery("/v1/events?key")).toMatchObject({ key: "" });
  expect(parseQuery("/v1/events?key=a&key=a")).toMatchObject({ code: "query_invalid" });
  expect(parseQuery("/v1/events?key=%e4")).toMatchObject({ code: "url_invalid" });
});

test("a misspelt parameter is refused, since the sender would believe in a promise that nobody made", () => {
  expect(parseQuery("/v1/events?akc=durable")).toMatchObject({
    code: "query_invalid",
    detail: expect.stringContaining("did you mean ack?"),
  });
});

test.each([
  ["/v1/events?key=a", { name: "events" }],
  ["http://collector:8080/v1/events", { name: "events" }],
  ["/v1/receipts/0-4%31", { name: "receipt", id: "0-41" }],
  ["/v1/schemas", { name: "schemas" }],
  ["/v1/schemas/a%2Fb?x=/c", { name: "schema", type: "a/b", version: undefined }],
  ["/v1/schemas/a/2", { name: "schema", type: "a", version: "2" }],
  ["/v1/schemas/a/2/3", { name: "unknown" }],
  ["/v1/schemas/", { name: "unknown" }],
  ["/v1/schemas/a/%", { name: "invalid" }],
  ["/v1/events/", { name: "unknown" }],
  ["http://collector", { name: "unknown" }],
  ["*", { name: "unknown" }],
  ["", { name: "unknown" }],
])("the target %s leads to the right place", (target, route) => {
  expect(findRoute(target)).toMatchObject(route);
});

test("no target makes reading it throw", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: "binary" }),
      fc.constantFrom("", "/v1/schemas/", "/v1/receipts/", "/v1/events?"),
      (text, start) => {
        expect(findRoute(start + text)).toHaveProperty("name");
        expect(parseQuery(start + text)).toBeTypeOf("object");
      },
    ),
  );
});
