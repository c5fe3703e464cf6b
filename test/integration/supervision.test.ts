import { once } from "node:events";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import path from "node:path";
import { pathToFileURL } from "node:url";
import { expect, onTestFinished, test } from "vitest";
import { startKinesisStandIn } from "../../src/testing.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { idOf, kinesisConfig } from "../kit/kinesis-config.ts";
import { type SendReport, sendEvents } from "../kit/sender.ts";
import { waitFor } from "../kit/wait-for.ts";

const poison = pathToFileURL(path.join(import.meta.dirname, "../kit/poison-preload.mjs")).href;

const stuckDisk = pathToFileURL(path.join(import.meta.dirname, "../kit/stuck-disk-preload.mjs")).href;

const FILES = `
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources: [{ name: web, keys: [wk_test] }]
`;

function send(
  collector: CollectorProcess,
  events: number,
  options: { connections?: number; signal?: AbortSignal } = {},
) {
  const { connections = 16, signal } = options;
  return sendEvents({
    url: collector.url,
    key: "wk_test",
    events,
    eventsPerRequest: 5,
    connections,
    ...(signal && { signal }),
  });
}

async function post(collector: CollectorProcess, event: object, query = ""): Promise<Response> {
  return fetch(`${collector.url}${query}`, {
    method: "POST",
    headers: { authorization: "Bearer wk_test", "content-type": "application/json" },
    body: JSON.stringify(event),
  });
}

/** A Kinesis stand-in that remembers how often it was given each id. */
async function recordingStandIn() {
  const stored = new Map<string, number>();
  const standIn = await startKinesisStandIn({
    keepRecords: false,
    onRecord: ({ data }) => stored.set(idOf(data), (stored.get(idOf(data)) ?? 0) + 1),
  });
  return { stored, standIn, [Symbol.asyncDispose]: () => standIn[Symbol.asyncDispose]() };
}

function missing({ acknowledged }: SendReport, stored: ReadonlyMap<string, number>): string[] {
  return [...acknowledged].filter((id) => !stored.has(id));
}

test("workers share one port, and the admin port shows them as one", async () => {
  await using dir = await temporaryDir();
  await using sink = await recordingStandIn();
  const config = kinesisConfig({ endpoint: sink.standIn.url, more: "workers: 2" });
  await using collector = await CollectorProcess.start(dir.path, config);
  const sent = await send(collector, 2_000, { connections: 32 });
  expect(sent.acknowledged.size).toBe(2_000);
  const ledger = await collector.settled();
  expect(ledger.rows).toEqual([
    { source: "web", sink: "stream", accepted: 2_000, delivered: 2_000, deadLettered: 0, dropped: {}, held: 0 },
  ]);
  expect(missing(sent, sink.stored)).toEqual([]);

  const workers = await collector.workers();
  expect(workers).toMatchObject([
    { slot: "0", state: "ready", restarts: 0 },
    { slot: "1", state: "ready", restarts: 0 },
  ]);
  const metrics = await (await fetch(`http://127.0.0.1:${collector.adminPort}/metrics`)).text();
  const accepted = [...metrics.matchAll(/^millrace_ledger_accepted_total\{.*worker="(\d)".*\} (\d+)$/gm)];
  expect(accepted.map(([, worker]) => worker)).toEqual(["0", "1"]);
  // The kernel spreads connections over the workers.
  for (const [, , events] of accepted) expect(Number(events)).toBeGreaterThan(0);
  expect(metrics.match(/^# TYPE millrace_ledger_accepted_total/gm)).toHaveLength(1);
  expect(metrics).toMatch(/^millrace_worker_up\{worker="1"\} 1$/m);

  // A receipt is found whichever worker is asked.
  const receipts = new Set<string>();
  for (let tries = 0; tries < 100 && new Set([...receipts].map((id) => id[0])).size < 2; tries++) {
    const reply = await fetch(collector.url, {
      method: "POST",
      headers: { authorization: "Bearer wk_test", "content-type": "application/json", connection: "close" },
      body: JSON.stringify({ type: "test.sent" }),
    });
    receipts.add(reply.headers.get("millrace-receipt") ?? "");
  }
  expect(new Set([...receipts].map((id) => id[0]))).toEqual(new Set(["0", "1"]));
  for (const receipt of receipts) {
    const url = `http://127.0.0.1:${collector.port}/v1/receipts/${receipt}`;
    const reply = await fetch(url, { headers: { authorization: "Bearer wk_test" } });
    expect([receipt, reply.status]).toEqual([receipt, 200]);
  }
}, 60_000);

test("a worker that is killed under load is replaced at once, and nothing acknowledged is lost", async () => {
  await using dir = await temporaryDir();
  await using sink = await recordingStandIn();
  const config = kinesisConfig({ endpoint: sink.standIn.url, more: "workers: 2" });
  await using collector = await CollectorProcess.start(dir.path, config);
  const stop = new AbortController();
  const sending = send(collector, 1_000_000, { signal: stop.signal });
  const recoveries: number[] = [];
  for (let kill = 0; kill < 4; kill++) {
    const before = sink.stored.size;
    await waitFor(() => sink.stored.size > before + 1_000);
    const { pid = 0, slot } = (await collector.workers())[kill % 2] ?? { slot: "" };
    const killedMs = performance.now();
    process.kill(pid, "SIGKILL");
    await waitFor(async () => {
      const worker = (await collector.workers()).find((each) => each.slot === slot);
      return worker?.state === "ready" && worker.pid !== pid;
    });
    recoveries.push(performance.now() - killedMs);
  }
  stop.abort();
  const sent = await sending;
  const ledger = await collector.settled();
  expect(missing(sent, sink.stored)).toEqual([]);
  expect(ledger.balanced).toBe(true);
  expect((await collector.workers()).map(({ restarts }) => restarts)).toEqual([2, 2]);
  // The first death of a worker costs no backoff; what takes time is the start, on a busy machine.
  expect(Math.min(...recoveries)).toBeLessThan(3_000);
  console.log(`replaced after ${recoveries.map((ms) => Math.round(ms)).join(", ")} ms`);
}, 90_000);

test("a worker that hangs is replaced, and meanwhile the ledger says whose figures are not current", async () => {
  await using dir = await temporaryDir();
  await using sink = await recordingStandIn();
  const config = kinesisConfig({ endpoint: sink.standIn.url, more: "workers: 1\nsupervisor: { hangMs: 1500 }" });
  await using collector = await CollectorProcess.start(dir.path, config);
  const sent = await send(collector, 500);
  const [{ pid = 0 } = {}] = await collector.workers();
  await waitFor(async () => (await collector.ledger()).complete);
  process.kill(pid, "SIGSTOP");
  await waitFor(async () => !(await collector.ledger()).complete);
  await waitFor(async () =>
    (await collector.workers()).some((worker) => worker.state === "ready" && worker.pid !== pid),
  );
  expect((await post(collector, { type: "test.sent" })).status).toBe(201);
  await collector.settled();
  expect(await collector.ledger()).toMatchObject({ complete: true, missing: [], accepted: { web: 501 } });
  expect(missing(sent, sink.stored)).toEqual([]);
}, 60_000);

test("when the supervisor is killed its workers end by themselves, and the next start takes over at once", async () => {
  await using dir = await temporaryDir();
  await using sink = await recordingStandIn();
  const config = kinesisConfig({ endpoint: sink.standIn.url, more: "workers: 2" });
  const first = await CollectorProcess.start(dir.path, config);
  const pids = (await first.workers()).map(({ pid = 0 }) => pid);
  const stop = new AbortController();
  const sending = send(first, 1_000_000, { signal: stop.signal });
  await waitFor(() => sink.stored.size > 1_000);
  first.signal("SIGKILL");
  // Without a wait: the workers of before may still have the slots.
  await using second = await CollectorProcess.start(dir.path, config);
  stop.abort();
  const sent = await sending;
  await waitFor(() => pids.every((pid) => !existsSync(`/proc/${pid}`)));
  const ledger = await second.settled();
  expect(missing(sent, sink.stored)).toEqual([]);
  expect(ledger.balanced).toBe(true);
}, 60_000);

test("a worker that is stuck when its supervisor is killed does not keep the next one from starting", async () => {
  await using dir = await temporaryDir();
  await using sink = await recordingStandIn();
  const config = kinesisConfig({ endpoint: sink.standIn.url, more: "workers: 2" });
  const first = await CollectorProcess.start(dir.path, config);
  const sent = await send(first, 500);
  const [{ pid = 0 } = {}] = await first.workers();
  process.kill(pid, "SIGSTOP");
  onTestFinished(() => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
  });
  first.signal("SIGKILL");
  await using second = await CollectorProcess.start(dir.path, config);
  expect((await post(second, { type: "test.sent" })).status).toBe(201);
  await second.settled();
  expect(missing(sent, sink.stored)).toEqual([]);
}, 60_000);

test("a worker whose supervisor was killed ends, and lets go of its slot, also when its disk does not answer", async () => {
  await using dir = await temporaryDir();
  await using sink = await recordingStandIn();
  const config = kinesisConfig({ endpoint: sink.standIn.url, more: "workers: 1" });
  const stuck = path.join(dir.path, "stuck");
  const first = await CollectorProcess.start(dir.path, config, {
    NODE_OPTIONS: `--import ${stuckDisk}`,
    TEST_DISK_STUCK: stuck,
  });
  const [{ pid = 0 } = {}] = await first.workers();
  onTestFinished(() => {
    if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
  });
  // Before there is something to sync, so that it has something to wait for at its end.
  await writeFile(stuck, "");
  const sent = await send(first, 100);
  first.signal("SIGKILL");
  await waitFor(() => !existsSync(`/proc/${pid}`));
  // What it wrote last may still be in the pipe.
  await waitFor(() => first.output.includes("could not end in order in time without a supervisor"));
  await using second = await CollectorProcess.start(dir.path, config);
  await second.settled();
  expect(missing(sent, sink.stored)).toEqual([]);
}, 60_000);

test("slots of an earlier start with more workers are emptied, and their ledger still counts", async () => {
  await using dir = await temporaryDir();
  await using sink = await recordingStandIn();
  const config = (workers: number) =>
    kinesisConfig({ endpoint: sink.standIn.url, more: `workers: ${workers}\nshutdown: { drainMs: 1000 }` });
  await sink.standIn.down();
  const sent = await (async () => {
    await using collector = await CollectorProcess.start(dir.path, config(3));
    const report = await send(collector, 3_000, { connections: 48 });
    collector.signal("SIGTERM");
    expect(await collector.exited()).toBe(0);
    return report;
  })();
  await sink.standIn.up();
  await using collector = await CollectorProcess.start(dir.path, config(1));
  await waitFor(async () => (await collector.workers()).length === 1 && (await collector.ledger()).rows[0]?.held === 0);
  expect(missing(sent, sink.stored)).toEqual([]);
  expect(await collector.ledger()).toMatchObject({
    balanced: true,
    rows: [{ accepted: 3_000, delivered: 3_000, held: 0 }],
  });
  // Emptied for good: the next start has nothing to do with them.
  for (const slot of ["1", "2"]) {
    const names = await readdir(path.join(dir.path, "data/journal", slot));
    expect(names.filter((name) => name.endsWith(".seg"))).toEqual([]);
  }
  collector.signal("SIGTERM");
  expect(await collector.exited()).toBe(0);
  expect(collector.output).toMatch(/web +stream +3000 +3000 +0 +0 +0/);
}, 60_000);

test("an event that crashes the worker again and again is set aside, and those around it are delivered", async () => {
  await using dir = await temporaryDir();
  const config = `${FILES}workers: 1\nsinks: [{ name: out, type: stdout, batch: { maxAgeMs: 10 } }]\n`;
  await using collector = await CollectorProcess.start(dir.path, config, { NODE_OPTIONS: `--import ${poison}` });
  const ids = Array.from({ length: 60 }, (_, index) => `id-${index}`);
  const events = ids.map((id) => ({ id, type: "test.sent", data: { text: id === "id-31" ? "POISON" : "good" } }));
  expect((await post(collector, events)).status).toBe(201);

  await waitFor(async () => {
    try {
      return (await collector.ledger()).rows[0]?.held === 0;
    } catch {
      return false;
    }
  }, 60_000);
  expect((await collector.ledger()).rows).toMatchObject([{ sink: "out", delivered: 59, deadLettered: 1 }]);
  for (const id of ids) expect([id, collector.output.includes(`"${id}"`)]).toEqual([id, id !== "id-31"]);
  const letters = path.join(dir.path, "data/dead-letters");
  const names = await readdir(letters, { recursive: true, withFileTypes: true });
  const texts = await Promise.all(
    names.filter((entry) => entry.isFile()).map((entry) => readFile(path.join(entry.parentPath, entry.name), "utf8")),
  );
  expect(texts.join("")).toContain("crashed_worker");
  // And it goes on at full speed.
  expect((await post(collector, { id: "later", type: "test.sent" }, "?ack=delivered")).status).toBe(201);
}, 90_000);

test("what a dead sink could not take goes into a lifeboat, and another node delivers it", async () => {
  await using dir = await temporaryDir();
  await using other = await temporaryDir();
  await using boats = await temporaryDir();
  await using sink = await recordingStandIn();
  await sink.standIn.down();
  const more = `workers: 2\nshutdown: { drainMs: 4000, lifeboat: { dir: ${boats.path}, reserveMs: 2000 } }`;
  const config = kinesisConfig({ endpoint: sink.standIn.url, more });
  const sent = await (async () => {
    await using collector = await CollectorProcess.start(dir.path, `node: lost\n${config}`);
    const report = await send(collector, 1_000);
    collector.signal("SIGTERM");
    expect(await collector.exited()).toBe(0);
    return report;
  })();
  expect(await readdir(boats.path)).toHaveLength(2);
  await sink.standIn.up();

  // The journal of the first node is gone. The other one runs already.
  await using collector = await CollectorProcess.start(other.path, `node: other\n${config}`);
  const imported = await collector.command("journal", "import");
  expect(imported).toMatch(/lost-0-\d{8}T\d{6}Z is a slot of .* now \(\d+ for sink stream\)/);
  await waitFor(() => missing(sent, sink.stored).length === 0);
  await waitFor(async () => (await collector.ledger()).rows[0]?.held === 0);
  expect(await readdir(boats.path)).toEqual([]);
}, 60_000);

test("a place for lifeboats that does not answer keeps no worker from ending in order and in time", async () => {
  await using dir = await temporaryDir();
  await using sink = await recordingStandIn();
  await sink.standIn.down();
  const hole = createServer(() => {});
  onTestFinished(() => void hole.close());
  await once(hole.listen(0, "127.0.0.1"), "listening");
  const { port } = hole.address() as { port: number };
  const s3 = `{ bucket: boats, region: us-east-1, endpoint: "http://127.0.0.1:${port}" }`;
  const more = `workers: 1\nshutdown: { drainMs: 5000, lifeboat: { s3: ${s3}, reserveMs: 1000 } }`;
  const config = kinesisConfig({ endpoint: sink.standIn.url, more });
  await using collector = await CollectorProcess.start(dir.path, config, {
    AWS_ACCESS_KEY_ID: "test",
    AWS_SECRET_ACCESS_KEY: "test",
  });
  await send(collector, 10);
  collector.signal("SIGTERM");
  expect(await collector.exited()).toBe(0);
  expect(collector.output).toContain("no lifeboat could be filled in time");
  expect(collector.output).not.toContain("died while it was stopping");
}, 60_000);
