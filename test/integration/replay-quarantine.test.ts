import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { archivedEvents, runMillrace } from "../kit/replay-kit.ts";
import { waitFor } from "../kit/wait-for.ts";

const EVENTS = 1_000;

const CONFIG = `
workers: 2
schemas: { dir: ./schemas }
sources: [{ name: web, keys: [wk_web], clientIp: full }]
sinks: [{ name: files, type: file, dir: ./files, fileAgeMs: 100, batch: { maxAgeMs: 20 } }]
`;

function schemaOf(total: object): string {
  return JSON.stringify({ type: "object", required: ["total"], properties: { total } });
}

async function collectorWith(dir: string, total: object): Promise<CollectorProcess> {
  await mkdir(path.join(dir, "schemas"));
  await writeFile(path.join(dir, "schemas/checkout.paid.json"), schemaOf(total));
  return CollectorProcess.start(dir, CONFIG);
}

/** Sends events whose ids are 0 to 999, a hundred to a request; every other has a time, none is valid. */
async function sendInvalid(url: string, data: (at: number) => object): Promise<void> {
  for (let from = 0; from < EVENTS; from += 100) {
    const lines = Array.from({ length: 100 }, (_, nth) => {
      const at = from + nth;
      const time = at % 2 === 0 ? { time: "2026-01-01T00:00:00Z" } : {};
      return JSON.stringify({ id: `event-${at}`, type: "checkout.paid", ...time, data: data(at) });
    });
    const answer = await fetch(url, {
      method: "POST",
      headers: { authorization: "Bearer wk_web", "content-type": "application/x-ndjson" },
      body: lines.join("\n"),
    });
    expect(answer.status).toBe(400);
    await answer.arrayBuffer();
  }
}

function replayArgs(collector: CollectorProcess, ...more: string[]): string[] {
  return ["replay", "--from", "quarantine", "--url", `http://127.0.0.1:${collector.port}`, "--json", ...more];
}

async function quarantined(collector: CollectorProcess): Promise<number> {
  return (await collector.ledger()).quarantined["web"] ?? 0;
}

test("1,000 events quarantined by a broken schema all arrive once it is fixed and they are replayed, and the ledger shows it", async () => {
  await using dir = await temporaryDir();
  await using collector = await collectorWith(dir.path, { type: "string" });
  await sendInvalid(collector.url, (at) => ({ total: at }));
  await waitFor(async () => (await quarantined(collector)) === EVENTS);

  // Still broken: nothing is sent, nothing is set aside a second time.
  const before = await runMillrace(dir.path, replayArgs(collector));
  expect(before.code).toBe(1);
  expect(JSON.parse(before.stdout)).toMatchObject({
    replays: [{ isThrough: true, ledger: { read: EVENTS, delivered: 0, refused: { type: EVENTS }, notSent: 0 } }],
  });
  expect(await quarantined(collector)).toBe(EVENTS);

  await writeFile(path.join(dir.path, "schemas/checkout.paid.json"), schemaOf({ type: "number" }));
  collector.signal("SIGHUP");
  await waitFor(() => collector.output.includes("reloaded"));
  const dry = await runMillrace(dir.path, replayArgs(collector, "--dry-run"));
  expect(JSON.parse(dry.stdout)).toMatchObject({
    replays: [{ wouldSend: EVENTS, byType: { "checkout.paid": EVENTS }, invalid: {} }],
  });

  const replayed = await runMillrace(dir.path, replayArgs(collector));
  expect(replayed).toMatchObject({ code: 0 });
  expect(JSON.parse(replayed.stdout)).toMatchObject({
    replays: [{ isThrough: true, ledger: { read: EVENTS, delivered: EVENTS, refused: {}, skipped: {}, notSent: 0 } }],
  });
  const ledger = await collector.settled();
  expect(ledger).toMatchObject({ balanced: true, accepted: { web: EVENTS }, quarantined: { web: EVENTS } });
  expect(ledger.rows).toMatchObject([{ sink: "files", accepted: EVENTS, delivered: EVENTS, held: 0 }]);

  const again = await runMillrace(dir.path, replayArgs(collector));
  expect(JSON.parse(again.stdout)).toMatchObject({
    replays: [{ ledger: { delivered: 0, skipped: { already_replayed: EVENTS } } }],
  });
  expect(again.code).toBe(0);

  await waitFor(async () => (await archivedEvents(path.join(dir.path, "files"))).length === EVENTS);
  const events = await archivedEvents(path.join(dir.path, "files"));
  expect(new Set(events.map(({ id }) => id)).size).toBe(EVENTS);
  for (const event of events) {
    expect(event).toMatchObject({ replayed: "quarantine", source: "web", data: { total: expect.any(Number) } });
    // It is not what the sender was seen by.
    expect(event).not.toHaveProperty("clientip");
    expect(event).not.toHaveProperty("useragent");
    // It happened before it was replayed.
    expect(String(event["time"]) < String(event["receivedtime"])).toBe(true);
  }
}, 120_000);

test("events of the wrong form are mended by edit rules on their way back, digit by digit", async () => {
  await using dir = await temporaryDir();
  await using collector = await collectorWith(dir.path, { type: "number" });
  await sendInvalid(collector.url, (at) => (at < 900 ? { sum: `${at}.50`, big: 1 } : { sum: "much", big: 1 }));
  const rules = `
edits:
  - when: type == "checkout.paid" && !has(data.total)
    do:
      - { rename: /data/sum, to: /data/total }
      - { default: /data/currency, value: EUR }
  - when: data.total != "much"
    do:
      - { cast: /data/total, to: number }
`;
  await writeFile(path.join(dir.path, "mend.yaml"), rules);
  const dry = await runMillrace(dir.path, replayArgs(collector, "--edit", "mend.yaml", "--dry-run"));
  expect(JSON.parse(dry.stdout)).toMatchObject({
    replays: [{ edited: EVENTS, samples: { length: 5 }, wouldSend: 900, invalid: { type: 100 } }],
  });

  const replayed = await runMillrace(dir.path, replayArgs(collector, "--edit", "mend.yaml"));
  expect(JSON.parse(replayed.stdout)).toMatchObject({
    replays: [{ ledger: { read: EVENTS, delivered: 900, refused: { type: 100 } } }],
  });
  expect(replayed.code).toBe(1);
  await collector.settled();
  await waitFor(async () => (await archivedEvents(path.join(dir.path, "files"))).length === 900);
  const [first] = await archivedEvents(path.join(dir.path, "files"));
  expect(first).toMatchObject({ data: { total: expect.any(Number), currency: "EUR", big: 1 } });
}, 120_000);
