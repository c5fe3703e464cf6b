import * as fc from "fast-check";
import { expect, test } from "vitest";
import { startTestServer, type TestServer } from "../../ingest-server-fixture.ts";
import { encodeDraft } from "../canonical.ts";
import type { EventLimits } from "../incoming-event.ts";
import { readCspReport, readReports } from "./read-reports.ts";

const PAGE = "https://shop.example";

function post(server: TestServer, body: string, type = "application/reports+json", path = "/v1/reports?key=wk_web") {
  return fetch(server.url + path, { method: "POST", headers: { "content-type": type, origin: PAGE }, body });
}

/** As Chromium sends it, but for a number that has more digits than a double. */
const REPORT = `{"age":1500,"body":{"blockedURL":"inline", "lineNumber":12345678901234567890.10},"type":"csp-violation","url":"https://shop.example/cart","user_agent":"Mozilla/5.0"}`;

test("a report is an event of the type that the browser says, with its body byte for byte, as old as it is", async () => {
  await using server = await startTestServer({ web: { origins: [PAGE] } });
  const reply = await post(server, `[${REPORT}, {"type":"crash","body":{"reason":"oom"},"url":7,"x":{"n":1.50}}]`);
  expect([reply.status, await reply.text()]).toEqual([201, ""]);
  const [violation = {}, crash = {}] = server.journal.events();
  expect(violation).toMatchObject({
    type: "report.csp-violation",
    idassigned: true,
    url: "https://shop.example/cart",
    reports: '{"user_agent":"Mozilla/5.0"}',
  });
  expect(Date.parse(String(violation["receivedtime"])) - Date.parse(String(violation["time"]))).toBe(1_500);
  expect(server.journal.drafts[0]?.body.toString()).toContain(
    '"data":{"blockedURL":"inline", "lineNumber":12345678901234567890.10}',
  );
  expect(crash).toMatchObject({
    type: "report.crash",
    time: crash["receivedtime"],
    data: { reason: "oom" },
    reports: '{"url":7,"x":{"n":1.50}}',
  });
});

test("what is sent to a report-uri is an event too, with a type and members of its own", async () => {
  await using server = await startTestServer({ web: { origins: ["*"] } });
  const body = '{"csp-report":{"document-uri":"https://shop.example/cart","blocked-uri":"inline"}}';
  expect((await post(server, body, "application/csp-report")).status).toBe(201);
  expect(server.journal.events()).toMatchObject([
    {
      type: "report.csp-report",
      url: "https://shop.example/cart",
      data: { "document-uri": "https://shop.example/cart", "blocked-uri": "inline" },
    },
  ]);
});

test("one bad report does not cost the others", async () => {
  await using server = await startTestServer({ web: { origins: [PAGE] } });
  const deep = `{"type":"crash","body":${"[".repeat(40)}${"]".repeat(40)}}`;
  const reply = await post(server, `[${REPORT},5,{"body":{}},{"type":7},${deep},{"type":""}]`);
  expect(reply.status).toBe(207);
  const { results } = (await reply.json()) as { results: { problems?: { code: string; pointer: string }[] }[] };
  expect(results.map(({ problems = [] }) => problems.map(({ code, pointer }) => `${code} ${pointer}`.trim()))).toEqual([
    [],
    ["type"],
    ["required /type"],
    ["type /type"],
    ["too_deep"],
    ["invalid_attribute /type"],
  ]);
  expect(server.quarantine.entries).toHaveLength(5);
});

test.each([
  ["", 400, "empty_body"],
  ["[]", 400, "no_events"],
  ["[{]", 400, "invalid_json"],
  ['{"type":"crash"} x', 400, "invalid_json"],
  [`[${Array(6).fill(REPORT).join()}]`, 413, "too_many_events"],
])("%j is refused with the reason", async (body, status, code) => {
  await using server = await startTestServer({ web: { origins: [PAGE] }, http: { maxEventsPerRequest: 5 } });
  const reply = await post(server, body);
  expect([reply.status, ((await reply.json()) as { code: string }).code]).toEqual([status, code]);
});

test("a media type of neither interface is told those that are, and a report-uri without its member that it is missing", async () => {
  await using server = await startTestServer({ web: { origins: [PAGE] } });
  const other = await post(server, "[]", "application/expect-ct-report+json");
  expect([other.status, other.headers.get("accept-post")]).toEqual([
    415,
    "application/reports+json, application/csp-report",
  ]);
  const missing = await post(server, "{}", "application/csp-report");
  expect([missing.status, await missing.text()]).toEqual([400, expect.stringContaining("csp-report")]);
});

test("a browser's preflight is allowed for the origin of the page, at a path of the source's own too", async () => {
  await using server = await startTestServer({ web: { origins: [PAGE], paths: { "/r": "/v1/reports" } } });
  for (const path of ["/v1/reports?key=wk_web", "/r"]) {
    const preflight = (origin: string) =>
      fetch(server.url + path, {
        method: "OPTIONS",
        headers: { origin, "access-control-request-method": "POST", "access-control-request-headers": "content-type" },
      });
    const allowed = await preflight(PAGE);
    expect([allowed.status, allowed.headers.get("access-control-allow-headers")]).toEqual([
      204,
      expect.stringContaining("Content-Type"),
    ]);
    expect((await preflight("https://evil.example")).status).toBe(403);
    expect((await post(server, `[${REPORT}]`, "application/reports+json", path)).status).toBe(201);
  }
});

const LIMITS: EventLimits = { maxEventBytes: 4_096, maxEventsPerRequest: 5, maxJsonDepth: 8, maxJsonKeys: 200 };
const ENRICHMENT = {
  source: "web",
  receivedMs: 0,
  clientIp: undefined,
  userAgent: undefined,
  collectorPrefix: "node-1/0-",
};

const anyReport = fc.oneof(
  fc.record(
    {
      type: fc.oneof(fc.string(), fc.constantFrom("crash", "\ud800", null)),
      age: fc.oneof(fc.double(), fc.integer(), fc.string()),
      body: fc.jsonValue(),
      url: fc.oneof(fc.webUrl(), fc.jsonValue()),
      "csp-report": fc.jsonValue(),
      ["__proto__"]: fc.jsonValue(),
    },
    { requiredKeys: [] },
  ),
  fc.jsonValue(),
);
const anyBody = fc.oneof(
  fc.array(anyReport, { maxLength: 6 }).map((reports) => Buffer.from(JSON.stringify(reports))),
  anyReport.map((report) => Buffer.from(JSON.stringify(report))),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc
    .constantFrom("[".repeat(5_000), '{"body":'.repeat(100), "\ufeff[{}]", "\ufeff", '{"type":"a","type":"b"}', "{,}")
    .map((text) => Buffer.from(text)),
);

test("no body throws, whole or cut anywhere, and what is an event can be stored", () => {
  let events = 0;
  const receivedMs = Date.UTC(2026, 10, 23);
  fc.assert(
    fc.property(anyBody, fc.nat({ max: 200 }), (whole, cut) => {
      for (const body of [whole, whole.subarray(0, cut)]) {
        for (const items of [readReports(body, LIMITS, receivedMs), readCspReport(body, LIMITS)]) {
          for (const item of items) {
            if (item?.kind !== "event") continue;
            const draft = encodeDraft(item.event, 0, ENRICHMENT, "assigned");
            JSON.parse(`${draft.head.toString()}${draft.body.toString()}${draft.tail.toString()}${draft.closing}`);
            events++;
          }
        }
      }
    }),
    { numRuns: 1_000 },
  );
  expect(events).toBeGreaterThan(50);
});
