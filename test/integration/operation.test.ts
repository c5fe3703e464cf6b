import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { Agent, request } from "undici";
import path from "node:path";
import { expect, test } from "vitest";
import { startKinesisStandIn } from "../../src/testing.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { idOf, kinesisConfig } from "../kit/kinesis-config.ts";
import { sendEvents } from "../kit/sender.ts";
import { waitFor } from "../kit/wait-for.ts";

const key = { authorization: "Bearer wk_test" };
const json = { "content-type": "application/json" };

const FILES = `
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
schemas: { dir: ./schemas }
`;
const SINK = `sinks: [{ name: files, type: file, dir: ./events, fileAgeMs: 1000, batch: { maxAgeMs: 20 } }]
`;

test("sources, schemas and sinks change at a reload, on the connection that is open; a bad file changes nothing", async () => {
  await using dir = await temporaryDir();
  await mkdir(path.join(dir.path, "schemas"));
  const file = path.join(dir.path, "millrace.yaml");
  const first = `${FILES}${SINK}sources: [{ name: web, keys: [wk_test] }]\n`;
  await using collector = await CollectorProcess.start(dir.path, first);
  const listen = (await readFile(file, "utf8")).slice(0, -first.length);
  await using cleanup = new AsyncDisposableStack();
  const agent = cleanup.adopt(new Agent({ connections: 1 }), (open) => open.destroy());
  let connections = 0;
  agent.on("connect", () => connections++);
  const post = async (body: object, authorization = "Bearer wk_test"): Promise<number> => {
    const reply = await request(collector.url, {
      method: "POST",
      dispatcher: agent,
      headers: { authorization, ...json },
      body: JSON.stringify(body),
    });
    await reply.body.dump();
    return reply.statusCode;
  };
  expect(await post({ type: "order.placed", data: {} })).toBe(201);
  expect(await post({ type: "order.placed" }, "Bearer wk_app")).toBe(401);

  // A file that is not valid is refused.
  await writeFile(file, `${listen}${FILES}${SINK}sources: [{ name: web, keys: [wk_test], origin: "*" }]\n`);
  await waitFor(() => collector.output.includes("the old one stays in force"));
  expect(collector.output).toContain("origins");
  expect(await post({ type: "order.placed", data: {} })).toBe(201);

  // A source, a schema and a sink more.
  await writeFile(path.join(dir.path, "schemas", "order.placed.json"), JSON.stringify({ required: ["total"] }));
  await writeFile(
    file,
    `${listen}${FILES}sources: [{ name: web, keys: [wk_test] }, { name: app, keys: [wk_app] }]
sinks:
  - { name: files, type: file, dir: ./events, fileAgeMs: 1000, batch: { maxAgeMs: 20 } }
  - { name: orders, type: file, dir: ./orders, fileAgeMs: 1000, batch: { maxAgeMs: 20 }, when: type == "order.placed" }
`,
  );
  await waitFor(async () => (await post({ type: "page.viewed" }, "Bearer wk_app")) === 201);
  await waitFor(async () => (await post({ type: "order.placed", data: {} })) === 400);
  expect(await post({ type: "order.placed", data: { total: 1 } })).toBe(201);
  expect(connections).toBe(1);

  // SIGHUP does the same as a change of the file; here: back to one sink.
  await writeFile(file, listen + first);
  collector.signal("SIGHUP");
  await waitFor(() => collector.output.includes("no longer configured"));
  const ledger = await collector.settled();
  expect(ledger.balanced).toBe(true);
  expect(ledger.rows.map(({ source, sink }) => `${source}>${sink}`).toSorted()).toEqual(["app>files", "web>files"]);
}, 60_000);

test("an invalid event is answered in words and kept in the quarantine with the reasons", async () => {
  await using dir = await temporaryDir();
  await mkdir(path.join(dir.path, "schemas"));
  await writeFile(
    path.join(dir.path, "schemas", "checkout.paid.json"),
    JSON.stringify({ type: "object", required: ["orderId"], properties: { total: { type: "number" } } }),
  );
  await using collector = await CollectorProcess.start(
    dir.path,
    `${FILES}${SINK}sources: [{ name: web, keys: [wk_test] }]\n`,
  );
  const good = { id: "good", type: "checkout.paid", data: { orderId: "o-1", total: 1 } };
  const bad = { id: "bad", type: "checkout.paid", data: { total: "12.50" } };
  const reply = await fetch(collector.url, {
    method: "POST",
    headers: { ...key, ...json },
    body: JSON.stringify([good, bad]),
  });
  expect(reply.status).toBe(207);
  const { results } = (await reply.json()) as { results: { index: number; status: string; errors?: object[] }[] };
  expect(results).toMatchObject([
    { index: 0, id: "good", status: "accepted" },
    { index: 1, id: "bad", status: "rejected" },
  ]);
  expect(JSON.stringify(results[1])).toMatch(/\/data\/total.*must be a number.*12\.50/);
  expect(JSON.stringify(results[1])).toContain("/v1/schemas/checkout.paid");

  const ledger = await collector.settled();
  expect(ledger).toMatchObject({ accepted: { web: 1 }, quarantined: { web: 1 } });
  const quarantine = await linesIn(path.join(dir.path, "data/quarantine"));
  expect(quarantine).toHaveLength(1);
  expect(quarantine[0]).toMatchObject({ source: "web", event: bad });
  expect(JSON.stringify(quarantine[0])).toContain("must be a number");
  await waitFor(async () => (await linesIn(path.join(dir.path, "events"))).length === 1);
  expect(await linesIn(path.join(dir.path, "events"))).toMatchObject([{ id: "good" }]);

  const schema = await fetch(`http://127.0.0.1:${collector.port}/v1/schemas/checkout.paid`);
  expect(await schema.json()).toMatchObject({ required: ["orderId"] });
}, 30_000);

test("a full journal answers 429 with Retry-After, loses nothing, and recovers by itself", async () => {
  await using dir = await temporaryDir();
  const stored = new Set<string>();
  await using standIn = await startKinesisStandIn({
    keepRecords: false,
    onRecord: ({ data }) => stored.add(idOf(data)),
  });
  const config = kinesisConfig({ endpoint: standIn.url, journal: "durability: os, maxBytes: 2MiB" });
  await using collector = await CollectorProcess.start(dir.path, config);
  await standIn.down();
  const load = { url: collector.url, key: "wk_test", events: 12_000, eventsPerRequest: 20, connections: 8 };
  const sent = await sendEvents(load);
  expect([...sent.refused.keys()]).toEqual([429]);
  expect(sent.acknowledged.size).toBeGreaterThan(1_000);
  const refused = await fetch(collector.url, {
    method: "POST",
    headers: { ...key, ...json },
    body: JSON.stringify(Array.from({ length: 50 }, () => ({ type: "test.sent", data: "x".repeat(2_000) }))),
  });
  expect(refused.status).toBe(429);
  expect(Number(refused.headers.get("retry-after"))).toBeGreaterThanOrEqual(1);
  expect(await refused.json()).toMatchObject({ code: "journal_full" });

  await standIn.up();
  await collector.settled();
  expect([...sent.acknowledged].filter((id) => !stored.has(id))).toEqual([]);
  // The room comes back once the cursors are saved, within the time that Retry-After asks for.
  await waitFor(async () => (await sendEvents({ ...load, events: 100 })).acknowledged.size === 100);
  expect((await collector.settled()).balanced).toBe(true);
}, 60_000);

async function linesIn(dir: string): Promise<unknown[]> {
  const lines: unknown[] = [];
  const entries = await readdir(dir, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of entries) {
    if (!entry.isFile() || !entry.name.endsWith(".ndjson")) continue;
    const text = await readFile(path.join(entry.parentPath, entry.name), "utf8");
    for (const line of text.split("\n")) if (line !== "") lines.push(JSON.parse(line));
  }
  return lines;
}
