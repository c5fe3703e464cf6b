import { expect, test } from "vitest";
import { httpConfig, listenConfig, sourceConfig } from "./config.ts";
import { PROTOCOL_NAMES } from "./protocols/protocol-names.ts";

test("everything but a source's name and keys has a default", () => {
  expect(listenConfig.parse(undefined)).toEqual({ host: "0.0.0.0", port: 8080, backlog: 1024 });
  expect(httpConfig.parse(undefined)).toMatchObject({
    maxEventBytes: 1_048_576,
    maxRequestBytes: 20_971_520,
    trustedProxyHops: 0,
  });
  expect(sourceConfig.parse({ name: "web", keys: ["wk_web_1"] })).toEqual({
    name: "web",
    keys: ["wk_web_1"],
    origins: [],
    validation: "enforce",
    unknownTypes: "accept",
    ack: "accepted",
    relay: false,
    requireId: false,
    clientIp: "truncated",
    userAgent: "raw",
    bots: "off",
    redact: [],
    protocols: [...PROTOCOL_NAMES],
    paths: {},
  });
});

test("an idle connection outlives a load balancer's 60 seconds", () => {
  expect(httpConfig.parse(undefined).idleTimeoutMs).toBeGreaterThan(60_000);
});

test.each([
  ["an event that fits no request", httpConfig, { maxEventBytes: "2MiB", maxRequestBytes: "1MiB" }],
  ["a request that fits no memory", httpConfig, { maxRequestBytes: "100MiB", maxPendingBytes: "50MiB" }],
  ["headers slower than the request", httpConfig, { headersTimeoutMs: 5_000, requestTimeoutMs: 1_000 }],
  ["an unknown key", httpConfig, { maxEventByte: 1 }],
  ["no write key", sourceConfig, { name: "web", keys: [] }],
  ["a write key with a space", sourceConfig, { name: "web", keys: ["a b"] }],
  [
    "a client that gets more than its source",
    sourceConfig,
    {
      name: "web",
      keys: ["k"],
      quota: { eventsPerSecond: 5, burst: 5, perClient: { eventsPerSecond: 6, burst: 1 } },
    },
  ],
  ["an origin with a path", sourceConfig, { name: "web", keys: ["k"], origins: ["https://a.example/"] }],
])("the configuration refuses %s", (_what, schema, value) => {
  expect(schema.safeParse(value).success).toBe(false);
});

test.each([
  [{ origins: ["https://shop.example"] }, "origins"],
  [{ userAgent: "parsed" }, "userAgent"],
  [{ bots: "drop" }, "bots"],
  [{ geo: { file: "city.mmdb" } }, "geo"],
])("a source that relays has no %j: its requests come from collectors", (change, field) => {
  const source = { name: "edges", keys: ["k"], ...change };
  expect(sourceConfig.safeParse(source).success).toBe(true);
  expect(sourceConfig.safeParse({ ...source, relay: true }).error?.issues[0]?.path).toEqual([field]);
});
