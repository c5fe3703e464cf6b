import * as fc from "fast-check";
import { expect, test } from "vitest";
import { allowsOrigin, corsHeaders } from "./cors.ts";
import { isOriginPattern, Origins } from "./origins.ts";

test.each([
  ["*", true],
  ["https://shop.example", true],
  ["http://localhost:3000", true],
  ["https://*.shop.example", true],
  ["https://*.shop.example:8443", true],
  ["capacitor://localhost", true],
  ["https://shop.example/", false],
  ["https://Shop.example", false],
  ["https://shop.example:443", false],
  ["https://shop.example/path", false],
  ["https://*shop.example", false],
  ["https://*", false],
  ["shop.example", false],
  ["null", false],
])("whether %s may be listed as an origin: %s", (pattern, valid) => {
  expect(isOriginPattern(pattern)).toBe(valid);
});

test.each([
  ["https://shop.example", true],
  ["https://www.news.example", true],
  ["https://a.b.news.example", true],
  ["https://news.example", false],
  ["http://www.news.example", false],
  ["https://www.news.example:8443", false],
  ["https://evilnews.example", false],
  ["https://evil.example/.news.example", false],
  ["https://evil.example#.news.example", false],
  ["https://.news.example", false],
  ["https://*.news.example", false],
  ["https://shop.example.evil.example", false],
  ["null", false],
  ["", false],
])("whether the origin %s is listed: %s", (origin, listed) => {
  expect(new Origins(["https://shop.example", "https://*.news.example"]).lists(origin)).toBe(listed);
});

test("no origin at all is listed that is not a host or subdomain of a pattern", () => {
  const origins = new Origins(["https://*.shop.example"]);
  fc.assert(
    fc.property(fc.string(), (middle) => {
      const origin = `https://${middle}.shop.example`;
      if (!origins.lists(origin)) return;
      expect(new URL(origin).hostname.endsWith(".shop.example")).toBe(true);
      expect(new URL(origin).origin).toBe(origin);
    }),
  );
});

test("credentials are allowed to listed origins only, and never with *", () => {
  const listed = corsHeaders(new Origins(["*", "https://shop.example"]), "https://shop.example");
  expect(listed).toContain("Access-Control-Allow-Credentials");
  expect(listed).toContain("https://shop.example");
  const any = corsHeaders(new Origins(["*"]), "https://shop.example");
  expect(any).toContain("*");
  expect(any).not.toContain("Access-Control-Allow-Credentials");
});

test("an origin that is not listed gets no permission", () => {
  const none = new Origins([]);
  expect(corsHeaders(none, "https://shop.example")).toEqual(["Vary", "Origin"]);
  expect(allowsOrigin(none, "https://shop.example")).toBe(false);
});
