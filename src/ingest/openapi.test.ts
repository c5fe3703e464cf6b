import { readFileSync } from "node:fs";
import { Validator } from "@seriousme/openapi-schema-validator";
import { expect, test } from "vitest";
import { httpConfig } from "./config.ts";
import { isDescribed } from "./described-answer-fixture.ts";
import { startTestServer } from "./ingest-server-fixture.ts";
import { openapiDocument } from "./openapi.ts";
import { PROBLEM_CODES } from "./problems.ts";

const document = openapiDocument("1.2.3", httpConfig.parse(undefined));

test("the description of the event port is valid OpenAPI 3.1", async () => {
  const result = await new Validator().validate(structuredClone(document));
  expect(result).toMatchObject({ valid: true });
});

test("every problem code is a documented answer of some path", () => {
  const answers = JSON.stringify(document.paths);
  expect(PROBLEM_CODES.filter((code) => !answers.includes(`"${code}"`))).toEqual([]);
});

test("every reference in it leads somewhere", () => {
  for (const [, kind = "", name = ""] of JSON.stringify(document).matchAll(/"\$ref":"#\/components\/(\w+)\/(\w+)"/g)) {
    expect(document).toHaveProperty(["components", kind, name]);
  }
});

test("every code of an event's form is explained in docs/errors.md", () => {
  const page = readFileSync(new URL("../../docs/errors.md", import.meta.url), "utf8");
  const codes = ["id_required", "invalid_attribute", "event_too_large", "too_deep", "too_many_keys", "name_too_long"];
  expect(codes.filter((code) => !page.includes(`\`${code}\``))).toEqual([]);
});

test("what is really answered is as described, in its status, headers and body", async () => {
  await using server = await startTestServer({
    web: { origins: ["https://shop.example"] },
    sources: [{ name: "slow", keys: ["wk_slow"], quota: { eventsPerSecond: 1, burst: 1 } }],
  });
  const good = { type: "page.viewed", id: "a" };
  const statuses = new Set<number>();
  const send = async (method: string, target: string, body?: unknown, headers: Record<string, string> = {}) => {
    const init = { method, headers: { "X-Write-Key": "wk_web", Origin: "https://shop.example", ...headers } };
    const sent = body === undefined ? init : { ...init, body: JSON.stringify(body) };
    const reply = await fetch(server.url + target, sent);
    const answer = { method, target, status: reply.status, headers: reply.headers, body: await reply.text() };
    expect(isDescribed(answer)).toBe(true);
    statuses.add(reply.status);
  };
  const post = (query: string, body: unknown, headers?: Record<string, string>) =>
    send("POST", `/v1/events${query}`, body, headers);
  const all = { Prefer: "return=representation" };

  for (const level of ["received", "accepted", "durable", "delivered"]) await post(`?ack=${level}`, good, all);
  for (const query of ["", "?ack=delivered", "?validate=only"]) {
    for (const body of [good, [good, 5], [5], {}]) await post(query, body, all);
  }
  server.deliveries.outcome = "timeout";
  await post("?ack=delivered", good);
  await post("?ack=delivered", [good, 5], all);
  await post("", [good, good, good], { "X-Write-Key": "wk_slow", Origin: "https://other.example" });
  await post("", [good, good], { "X-Write-Key": "wk_slow" });
  for (const failure of ["journal_full", "journal_write_failed", "broken"] as const) {
    server.journal.failure = failure;
    await post("", good);
  }
  const paths = ["/v1/receipts/0-0", "/v1/schemas", "/v1/schemas/checkout.paid", "/v1/schemas/checkout.paid/1"];
  for (const path of [...paths, "/openapi.json", "/livez", "/readyz"]) await send("GET", path);
  for (const path of ["/v1/events", "/v1/receipts/0-0"]) {
    await send("OPTIONS", path);
    await send("OPTIONS", path, undefined, { Origin: "https://evil.example" });
  }
  expect([...statuses].toSorted((a, b) => a - b)).toEqual([200, 201, 202, 204, 207, 400, 403, 429, 500, 503]);
});
