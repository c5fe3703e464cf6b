import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { sendEvents } from "../kit/sender.ts";
import { waitFor } from "../kit/wait-for.ts";

const main = path.join(import.meta.dirname, "../../src/main.ts");

const YAML = `
workers: 2
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources: [{ name: web, keys: [wk_test] }]
sinks: [{ name: files, type: file, dir: ./events }]
`;

async function live(collector: CollectorProcess, ...args: string[]) {
  const url = `http://127.0.0.1:${collector.adminPort}`;
  const all = [main, "cost", "--live", url, "--seconds", "1", ...args];
  return promisify(execFile)(process.execPath, all, { timeout: 30_000 });
}

test("cost --live takes the load from a running collector's own counters, and says what they cannot tell", async () => {
  await using dir = await temporaryDir();
  await using collector = await CollectorProcess.start(dir.path, YAML);
  const stop = new AbortController();
  const sending = sendEvents({
    url: collector.url,
    key: "wk_test",
    events: 1e9,
    eventsPerRequest: 4,
    connections: 3,
    paddingBytes: 300,
    signal: stop.signal,
  });
  await waitFor(async () => Object.values((await collector.ledger()).accepted).some((events) => events > 0));
  const [json, table] = [await live(collector, "--json"), await live(collector, "--events-per-hour", "12e6")];
  stop.abort();
  await sending;

  const { load, live: report } = JSON.parse(json.stdout);
  // An array of four events of 380 to 430 B; in the journal each has what the collector adds.
  expect(load.eventsPerRequest).toBeCloseTo(4, 1);
  expect(load.wireBytesPerEvent).toBeGreaterThan(350);
  expect(load.wireBytesPerEvent).toBeLessThan(500);
  expect(load.eventBytes).toBeGreaterThan(load.wireBytesPerEvent);
  expect(load.cpuMicrosPerEvent).toBeGreaterThan(1);
  expect(load.eventsPerHour).toBeCloseTo((report.events / report.seconds) * 3_600, 3);
  // What the open connections come to is the three of the sender.
  const connectionsPerSecond = load.eventsPerHour / 3_600 / load.eventsPerRequest / load.requestsPerConnection;
  expect(load.connectionSeconds * connectionsPerSecond).toBeCloseTo(3);

  expect(table.stdout).toMatch(/^12,000,000 events an hour/);
  expect(table.stdout).toMatch(/API Gateway REST, as the original counted +7,5\d\d /);
  expect(table.stdout).toContain("Not measured\n  New connections are not counted");
});

test("cost --live of a collector that takes no events says so", async () => {
  await using dir = await temporaryDir();
  await using collector = await CollectorProcess.start(dir.path, YAML);
  await expect(live(collector)).rejects.toMatchObject({
    code: 2,
    stderr: expect.stringContaining("accepted no events within 1 s"),
  });
});
