import { copyFile, readFile, readdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { waitFor } from "../kit/wait-for.ts";

const CITY = path.join(import.meta.dirname, "../../src/ingest/enrichment/fixtures/city.mmdb");
const DESKTOP = "Mozilla/5.0 (X11; Linux x86_64; rv:150.0) Gecko/20100101 Firefox/150.0";

const CONFIG = `
workers: 1
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources:
  - name: web
    keys: [wk_test]
    userAgent: parsed
    bots: drop
    geo: { file: ./city.mmdb }
    redact: [{ pointer: /data/email, action: hash }]
    hashSecret: \${HASH_SECRET}
    dedupe: {}
sinks: [{ name: files, type: file, dir: ./events, fileAgeMs: 500, batch: { maxAgeMs: 20 } }]
`;

test("events arrive as their source wants them, and what was not stored is in the ledger across a kill, a restart and the exit", async () => {
  await using dir = await temporaryDir();
  await copyFile(CITY, path.join(dir.path, "city.mmdb"));
  const env = { HASH_SECRET: "a secret of the test" };
  const post = async (collector: CollectorProcess, userAgent: string, body: object, query = "") => {
    const reply = await fetch(`${collector.url}${query}`, {
      method: "POST",
      headers: { authorization: "Bearer wk_test", "content-type": "application/json", "user-agent": userAgent },
      body: JSON.stringify(body),
    });
    await reply.arrayBuffer();
    return reply.status;
  };
  const event = { id: "1", type: "a", data: { email: "who@example.com" } };
  {
    await using collector = await CollectorProcess.start(dir.path, CONFIG, env);
    expect(await post(collector, DESKTOP, event, "?dropped=queue_full:3")).toBe(201);
    expect(await post(collector, DESKTOP, event, "?dropped=expired:1")).toBe(201);
    expect(await post(collector, "Googlebot/2.1", { type: "a" })).toBe(201);
    const expected = {
      balanced: true,
      accepted: { web: 1 },
      filtered: { web: { duplicate: 1, bot: 1 } },
      clientDropped: { web: { queue_full: 3, expired: 1 } },
    };
    expect(await collector.settled()).toMatchObject(expected);
    const metrics = await (await fetch(`http://127.0.0.1:${collector.adminPort}/metrics`)).text();
    expect(metrics).toMatch(/millrace_ledger_filtered_total\{.*reason="bot".*\} 1/);
    expect(metrics).toMatch(/millrace_client_dropped_events_total\{.*reason="queue_full".*\} 3/);
    // The ledger is saved every 100 ms.
    const checkpoint = path.join(dir.path, "data/journal/0/checkpoint.json");
    await waitFor(async () => (await readFile(checkpoint, "utf8").catch(() => "")).includes('"bot":1'));
    await collector.kill();
  }
  await using collector = await CollectorProcess.start(dir.path, CONFIG, env);
  expect(await post(collector, "Googlebot/2.1", { type: "a" }, "?dropped=queue_full:1")).toBe(201);
  expect(await collector.settled()).toMatchObject({
    balanced: true,
    accepted: { web: 1 },
    filtered: { web: { duplicate: 1, bot: 2 } },
    clientDropped: { web: { queue_full: 4, expired: 1 } },
  });
  // A reload: nothing is dropped any more, and the text is kept.
  const file = path.join(dir.path, "millrace.yaml");
  await writeFile(file, (await readFile(file, "utf8")).replace("parsed", "raw").replace("bots: drop", "bots: flag"));
  collector.signal("SIGHUP");
  await waitFor(async () => {
    await post(collector, "Googlebot/2.1", { type: "reloaded" });
    return (await collector.ledger()).accepted["web"] !== 1;
  });
  const { filtered } = await collector.settled();
  collector.signal("SIGTERM");
  expect(await collector.exited()).toBe(0);
  expect(collector.output).toContain(`Filtered by the rules of web: 1 duplicate, ${filtered["web"]?.["bot"]} bot.`);
  expect(collector.output).toContain("Dropped before sending by clients of web: 4 queue_full, 1 expired.");

  const names = (await readdir(path.join(dir.path, "events"), { recursive: true })).filter((name) =>
    name.endsWith("ndjson"),
  );
  const texts = await Promise.all(names.map((name) => readFile(path.join(dir.path, "events", name), "utf8")));
  const arrived = texts
    .join("")
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
  const first = arrived.filter(({ type }) => type === "a");
  // Once, or after the kill once more.
  expect(new Set(first.map(({ collector: position }) => position)).size).toBe(1);
  expect(first[0]).toMatchObject({ id: "1", browser: "Firefox", os: "Linux", geocity: "Wellington" });
  expect(first[0].clientip).toBe("127.0.0.0");
  expect(first[0].data.email).toMatch(/^[0-9a-f]{32}$/);
  expect(arrived.find(({ type }) => type === "reloaded")).toMatchObject({ isbot: true, useragent: "Googlebot/2.1" });
  const journal = await readdir(path.join(dir.path, "data"), { recursive: true, withFileTypes: true });
  for (const stored of journal.filter((entry) => entry.isFile())) {
    expect((await readFile(path.join(stored.parentPath, stored.name))).includes("who@example.com")).toBe(false);
  }
}, 60_000);
