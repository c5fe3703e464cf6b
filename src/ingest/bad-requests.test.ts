import { brotliCompressSync, gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { isDescribed } from "./described-answer-fixture.ts";
import { type ProblemCode, PROBLEMS } from "./problems.ts";
import { rawPost, startTestServer, type TestServer } from "./ingest-server-fixture.ts";

let server: TestServer;
beforeAll(async () => {
  server = await startTestServer({
    http: { maxRequestBytes: 4096, maxEventBytes: 2048, maxEventsPerRequest: 3, maxHeaderBytes: 2048 },
    web: { origins: ["https://shop.example"] },
    sources: [{ name: "strict", keys: ["wk_strict"], requireId: true, unknownTypes: "reject" }],
  });
});
afterAll(async () => server[Symbol.asyncDispose]());

const EVENT = '{"type":"page.viewed"}';
const OTHER_KEY = "X-Write-Key: wk_strict";

/** A POST without the right key, or with other heads than `rawPost` writes. */
function bare(headers: readonly string[], body = EVENT, start = "POST /v1/events HTTP/1.1"): string {
  return `${start}\r\n${[...headers, "Connection: close"].join("\r\n")}\r\n\r\n${body}`;
}

const length = `Content-Length: ${EVENT.length}`;

// What is sent, and the code it is answered with. The status comes with the code.
const BAD: Readonly<Record<string, readonly [request: string | Buffer, code: ProblemCode]>> = {
  "no key": [bare(["Host: a", length]), "missing_key"],
  "a key of a scheme that has none": [bare(["Host: a", length, "Authorization: Digest a=b"]), "missing_key"],
  "an unknown key": [bare(["Host: a", length, "X-Write-Key: nobody"]), "unknown_key"],
  "two Host headers": [bare(["Host: a", "Host: b", length]), "request_malformed"],
  "an empty key": [bare(["Host: a", length, "Authorization: Bearer "]), "missing_key"],
  "two X-Write-Key headers": [bare(["Host: a", length, "X-Write-Key: wk_web", "X-Write-Key: wk_web"]), "unknown_key"],
  "keys that differ": [rawPost(EVENT, [OTHER_KEY]), "key_conflict"],
  "a key in the query that differs": [rawPost(EVENT, [], "/v1/events?key=wk_strict"), "key_conflict"],
  "an origin that is not listed": [rawPost(EVENT, ["Origin: https://evil.example"]), "origin_not_allowed"],
  "a null origin": [rawPost(EVENT, ["Origin: null"]), "origin_not_allowed"],
  "an unknown path": [rawPost(EVENT, [], "/v1/event"), "not_found"],
  "a broken path": [rawPost(EVENT, [], "/v1/receipts/%zz"), "url_invalid"],
  "a broken query": [rawPost(EVENT, [], "/v1/events?ack=%ff"), "url_invalid"],
  "a parameter given twice": [rawPost(EVENT, [], "/v1/events?ack=durable&ack=accepted"), "query_invalid"],
  "an unknown validate": [rawPost(EVENT, [], "/v1/events?validate=yes"), "query_invalid"],
  "an unknown ack": [rawPost(EVENT, [], "/v1/events?ack=eventually"), "ack_invalid"],
  "GET on events": [bare(["Host: a"], "", "GET /v1/events HTTP/1.1"), "method_not_allowed"],
  "DELETE on a receipt": [bare(["Host: a"], "", "DELETE /v1/receipts/0-1 HTTP/1.1"), "method_not_allowed"],
  TRACE: [bare(["Host: a"], "", "TRACE /v1/events HTTP/1.1"), "method_not_allowed"],
  CONNECT: [bare(["Host: a"], "", "CONNECT a:443 HTTP/1.1"), "method_not_allowed"],
  "no body": [rawPost(""), "empty_body"],
  "white space only": [rawPost(" \n"), "empty_body"],
  "an empty array": [rawPost("[]"), "no_events"],
  "broken JSON": [rawPost('{"type":'), "invalid_json"],
  "a form": [rawPost(EVENT, ["Content-Type: application/x-www-form-urlencoded"]), "unsupported_media_type"],
  "an unknown encoding": [rawPost(EVENT, ["Content-Encoding: lzma"]), "encoding_unsupported"],
  "not gzip at all": [rawPost(EVENT, ["Content-Encoding: gzip"]), "encoding_invalid"],
  "a body that is too large": [rawPost("x".repeat(5000)), "body_too_large"],
  "a body that is too large, in chunks": [chunked("x".repeat(5000)), "body_too_large"],
  "a gzip bomb": [compressed(gzipSync(Buffer.alloc(9000)), "gzip"), "body_too_large"],
  "a brotli bomb": [compressed(brotliCompressSync(Buffer.alloc(9_000_000)), "br"), "body_too_large"],
  "too many events": [rawPost(`[${Array(4).fill(EVENT).join()}]`), "too_many_events"],
  "an event that is none": [rawPost("5"), "events_invalid"],
  "an event without type": [rawPost("{}"), "events_invalid"],
  "an event that is too large": [rawPost(`{"type":"a","data":"${"x".repeat(2048)}"}`), "events_invalid"],
  "an event that is nested too deep": [
    rawPost(`{"type":"a","data":${"[".repeat(40)}${"]".repeat(40)}}`),
    "events_invalid",
  ],
  "an event against its schema": [rawPost('{"type":"checkout.paid","data":{"total":"1"}}'), "events_invalid"],
  "an event without the id it needs": [bare(["Host: a", length, OTHER_KEY]), "events_invalid"],
  "a malformed receipt": [rawPost("", [], "/v1/receipts/one").replace("POST", "GET"), "receipt_malformed"],
  "a receipt of another slot": [rawPost("", [], "/v1/receipts/other-1").replace("POST", "GET"), "receipt_not_found"],
  "a receipt without key": [bare(["Host: a"], "", "GET /v1/receipts/0-1 HTTP/1.1"), "missing_key"],
  "an unknown schema": [rawPost("", [], "/v1/schemas/none").replace("POST", "GET"), "schema_not_found"],
  "an unknown schema version": [
    rawPost("", [], "/v1/schemas/checkout.paid/9").replace("POST", "GET"),
    "schema_not_found",
  ],
  "no Host header": [bare([length, "X-Write-Key: wk_web"]), "request_malformed"],
  "two equal lengths": [rawPost(EVENT, [length]), "request_malformed"],
  "two different lengths": [rawPost(EVENT, ["Content-Length: 5"]), "request_malformed"],
  "a length and chunks": [rawPost(EVENT, ["Transfer-Encoding: chunked"]), "request_malformed"],
  "a negative length": [bare(["Host: a", "Content-Length: -1"]), "request_malformed"],
  "a coding under the chunks": [
    bare(["Host: a", "Transfer-Encoding: gzip, chunked"], "0\r\n\r\n"),
    "request_malformed",
  ],
  "a broken chunk": [
    bare(["Host: a", "X-Write-Key: wk_web", "Transfer-Encoding: chunked"], "zz\r\n"),
    "request_malformed",
  ],
  "no HTTP": ["hello\r\n\r\n", "request_malformed"],
  "TLS on a plain port": [Buffer.from("16030100c8010000c40303", "hex"), "request_malformed"],
  "HTTP/2 without upgrade": ["PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "request_malformed"],
  "a bare line feed in a header": ["POST /v1/events HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", "request_malformed"],
  "a header that is too large": [rawPost(EVENT, [`Cookie: ${"c".repeat(4000)}`]), "headers_too_large"],
  "an expectation other than 100-continue": [rawPost(EVENT, ["Expect: 200-ok"]), "expectation_failed"],
};

function chunked(body: string): string {
  const chunk = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`;
  return bare(["Host: a", "X-Write-Key: wk_web", "Transfer-Encoding: chunked"], chunk);
}

function compressed(body: Buffer, encoding: string): Buffer {
  const head = bare(
    ["Host: a", "X-Write-Key: wk_web", `Content-Encoding: ${encoding}`, `Content-Length: ${body.length}`],
    "",
  );
  return Buffer.concat([Buffer.from(head), body]);
}

test.each(Object.entries(BAD))("%s is answered with its documented problem", async (_name, [request, code]) => {
  const answer = await server.raw(request);
  const [head = "", body = ""] = answer.split("\r\n\r\n");
  expect(head).toContain(`HTTP/1.1 ${PROBLEMS[code].status} `);
  expect(head).toContain("Content-Type: application/problem+json");
  const problem = JSON.parse(body);
  expect(problem).toMatchObject({ type: `urn:millrace:problem:${code}`, code, status: PROBLEMS[code].status });
  expect(problem.detail).toMatch(/^.{20,}[.?]$/);
  expect(server.journal.drafts).toEqual([]);

  const [method = "", target = ""] = request.toString("latin1").split(" ", 2);
  const [start = "", ...lines] = head.split("\r\n");
  const headers = new Headers(
    lines.map((line): [string, string] => [line.split(": ", 1)[0] ?? "", line.split(": ").slice(1).join(": ")]),
  );
  isDescribed({ method, target, status: Number(start.split(" ")[1]), headers, body });
});
