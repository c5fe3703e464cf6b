import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync, zstdCompressSync } from "node:zlib";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import { startTestServer } from "./ingest-server-fixture.ts";

const ENCODERS: Readonly<Record<string, (body: Buffer) => Buffer>> = {
  identity: (body) => body,
  gzip: gzipSync,
  deflate: deflateSync,
  "x-deflate-raw": deflateRawSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};

const eventish = fc.record(
  {
    type: fc.oneof(fc.string(), fc.constant("checkout.paid"), fc.jsonValue()),
    id: fc.oneof(fc.string(), fc.jsonValue()),
    time: fc.oneof(fc.string(), fc.constant("2026-01-31T12:00:00Z")),
    data: fc.jsonValue(),
    source: fc.jsonValue(),
  },
  { requiredKeys: [] },
);
const text = fc.oneof(
  eventish.map((event) => JSON.stringify(event)),
  fc.array(fc.oneof(eventish, fc.jsonValue())).map((events) => JSON.stringify(events)),
  fc.array(eventish).map((events) => events.map((event) => JSON.stringify(event)).join("\n")),
  fc.string({ unit: "binary" }),
  fc.constantFrom("", "[", "{", "]", "\0", "[".repeat(3000), '{"a":'.repeat(500), "\ufeff{}", '"\ud800"'),
);
const body = fc.oneof(
  text.map((string) => Buffer.from(string)),
  fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
);
const header = fc.oneof(
  fc.constantFrom(
    "Content-Type: application/json",
    "Content-Type: application/x-ndjson",
    "Content-Type: application/msgpack",
    "Content-Type: ;;;",
    "Content-Encoding: gzip",
    "Content-Encoding: br, gzip",
    "Content-Encoding: zstd",
    "Origin: null",
    "Origin: https://shop.example",
    "Prefer: return=representation",
    "Prefer: ;=,,return",
    "Expect: 100-continue",
    "X-Forwarded-For: ,,, ,",
    "Authorization: Basic %%%",
    "X-Write-Key: wk_web",
    "Transfer-Encoding: chunked",
    "Content-Type: application/cloudevents+json",
    "Content-Type: application/reports+json",
    "ce-specversion: 1.0",
    "ce-type: a%20%ff",
    'ce-id: "1',
  ),
  fc
    .tuple(
      fc.constantFrom(
        "Content-Type",
        "Content-Encoding",
        "Authorization",
        "Origin",
        "Prefer",
        "Cookie",
        "Content-Length",
      ),
      fc.stringMatching(/^[a-cX-Z019 =;,/+_."'%\t\u00e9-]{0,40}$/),
    )
    .map(([name, value]) => `${name}: ${value}`),
);
const path = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      "/v1/events?key=wk_web",
      "/v1/events?key=wk_web&validate=only",
      "/v1/events?ack=received&key=wk_web",
      "/v1/json?key=wk_web",
      "/v1/records?key=wk_web",
      "/v1/cloudevents?key=wk_web",
      "/v1/reports?key=wk_web",
    ),
  },
  {
    weight: 1,
    arbitrary: fc.stringMatching(/^[/?&=%v1a-z.+~#]{0,30}$/).map((rest) => `/${rest}`),
  },
);
const method = fc.constantFrom("POST", "POST", "POST", "OPTIONS", "GET", "HEAD", "PUT", "BREW");

test("whatever is sent, every request is answered, and never with 5xx", { timeout: 60_000 }, async () => {
  await using server = await startTestServer({
    http: { maxRequestBytes: 65_536, maxEventBytes: 4096, maxEventsPerRequest: 20, trustedProxyHops: 2 },
    web: { origins: ["https://shop.example"], clientIp: "hashed" },
  });
  await fc.assert(
    fc.asyncProperty(
      method,
      path,
      fc.array(header, { maxLength: 5 }),
      body,
      fc.constantFrom(...Object.keys(ENCODERS)),
      fc.boolean(),
      async (verb, target, headers, bytes, encoding, cut) => {
        const encoded = ENCODERS[encoding]?.(bytes) ?? bytes;
        const sent = cut ? encoded.subarray(0, encoded.length / 2) : encoded;
        const lines = ["Host: a", ...headers, `Content-Encoding: ${encoding}`, `Content-Length: ${sent.length}`];
        const head = `${verb} ${target} HTTP/1.1\r\n${lines.join("\r\n")}\r\nConnection: close\r\n\r\n`;
        // The client ends its half, so whatever the header promised, the request is over.
        const answer = await server.raw(Buffer.concat([Buffer.from(head, "latin1"), sent]), {
          end: true,
          waitMs: 10_000,
        });
        expect(answer).toMatch(/^HTTP\/1\.1 (100 Continue\r\n\r\nHTTP\/1\.1 )?[24]\d\d /);
      },
    ),
    { numRuns: 300 },
  );
  // Nothing was left behind: a good request is served as ever.
  const reply = await fetch(`${server.url}/v1/events?key=wk_web`, { method: "POST", body: '{"type":"page.viewed"}' });
  expect(reply.status).toBe(201);
  expect(await server.registry.metrics()).toContain("millrace_ingest_pending_bytes 0");
});
