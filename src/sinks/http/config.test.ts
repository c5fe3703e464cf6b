import { expect, test } from "vitest";
import { httpConfig } from "./config.ts";

const LEAST = { name: "hook", type: "http", url: "https://hooks.example/events" };

test("a URL is enough", () => {
  expect(httpConfig.parse(LEAST)).toMatchObject({ method: "POST", format: "ndjson", compression: "none" });
});

test.each([
  ["a URL with a password, which would be logged", { url: "https://a:b@hooks.example/" }],
  ["another protocol", { url: "ftp://hooks.example/" }],
  ["a header that the sink sets", { headers: { "Content-Length": "5" } }],
  ["a header twice", { headers: { "X-A": "1", "x-a": "2" } }],
  ["a header that holds another", { headers: { "X-A": "1\r\nX-B: 2" } }],
  ["two kinds of credentials", { headers: { Authorization: "x" }, auth: { type: "bearer", token: "t" } }],
  ["another type of CloudEvents", { format: "cloudevents", headers: { "content-type": "text/plain" } }],
  ["a secret that is short", { sign: { secrets: ["whsec_YWJj"] } }],
  ["no secret", { sign: { secrets: [] } }],
  ["a Millrace by PUT", { method: "PUT", millrace: { key: "k" } }],
  ["a level given twice", { url: "https://r.example/v1/events?ack=durable", millrace: { key: "k" } }],
  ["what is no URL, also beside `millrace`", { url: "no URL", millrace: { key: "k" } }],
  ["unknown keys", { retries: 5 }],
])("refuses %s", (_what, change) => {
  expect(httpConfig.safeParse({ ...LEAST, ...change }).success).toBe(false);
});

test.each([
  "Host",
  "Content-Encoding",
  "Transfer-Encoding",
  "Webhook-Id",
  "webhook-signature",
  "webhook-timestamp",
  "X-Write-Key",
])("refuses the header %s, which the sink sets", (header) => {
  expect(httpConfig.safeParse({ ...LEAST, headers: { [header]: "x" } }).success).toBe(false);
});

test("takes several secrets, headers, and a Millrace", () => {
  const secrets = ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_bmV3LXNlY3JldC1vZi0yNC1ieXRlczEy"];
  expect(httpConfig.safeParse({ ...LEAST, sign: { secrets }, headers: { "X-Tenant": "a b" } }).success).toBe(true);
  expect(httpConfig.parse({ ...LEAST, millrace: { key: "wk" } }).millrace).toEqual({
    key: "wk",
    ack: "durable",
    pollMs: 500,
  });
});
