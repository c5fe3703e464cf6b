import { execFile } from "node:child_process";
import { createServer } from "node:net";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createContext, Script } from "node:vm";
import { promisify } from "node:util";
import { build } from "esbuild";
import { expect, test } from "vitest";
import type { RejectedEvent } from "../../src/client/client-options.ts";
import { createClient, type CloseReport } from "../../src/client/create-client.ts";
import { CollectorProcess } from "../kit/collector-process.ts";
import { waitFor } from "../kit/wait-for.ts";
import { type ClientRig, startClientRig } from "./client-rig.ts";

const PAID = {
  $schema: "https://json-schema.org/draft/2020-12/schema",
  type: "object",
  required: ["total"],
  properties: { total: { type: "number" }, note: { type: "string" } },
};

interface Events {
  "checkout.paid": { total: number; note?: string };
}

test("what is tracked arrives as it was tracked, in few requests, and what is invalid is reported with its problems", async () => {
  await using rig = await startClientRig({ schemas: { "checkout.paid": PAID } });
  const rejected: RejectedEvent[] = [];
  const acknowledged: string[] = [];
  let requests = 0;
  const client = createClient({
    url: rig.origin,
    key: "wk_app",
    ack: "delivered",
    maxBatchEvents: 100,
    onRejected: (each) => rejected.push(each),
    onAcknowledged: (ids) => acknowledged.push(...ids),
    fetch: (...args) => {
      requests++;
      return fetch(...args);
    },
  });
  const valid: string[] = [];
  const invalid: string[] = [];
  for (let n = 0; n < 1_000; n++) {
    // One batch is invalid as a whole, and every tenth event of the others.
    const isInvalid = n < 100 || n % 10 === 0;
    const id = client.track("checkout.paid", { total: isInvalid ? "12.50" : n, note: "żółć 🐎" });
    (isInvalid ? invalid : valid).push(id);
  }
  const { counts, undelivered } = await client.close();
  expect(undelivered).toEqual([]);
  expect(counts).toMatchObject({ tracked: 1_000, acknowledged: 810, unconfirmed: 0, rejected: 190, pending: 0 });
  expect(acknowledged.toSorted()).toEqual(valid);
  expect(rejected.map(({ event }) => event.id).toSorted()).toEqual(invalid);
  for (const { problems } of rejected) expect(problems).toMatchObject([{ code: "type", pointer: "/data/total" }]);
  expect(requests).toBe(10);
  const arrived = await rig.arrived(valid.length);
  expect(arrived.map(({ id }) => id).toSorted()).toEqual(valid);
  expect(arrived.find(({ id }) => id === valid[0])).toMatchObject({
    type: "checkout.paid",
    source: "app",
    data: { total: 101, note: "żółć 🐎" },
  });
});

test("a quota slows the client down by Retry-After, and loses nothing", async () => {
  await using rig = await startClientRig({ source: "quota: { eventsPerSecond: 5, burst: 1 }" });
  const codes: string[] = [];
  const statuses: number[] = [];
  const client = createClient({
    url: rig.origin,
    key: "wk_app",
    maxBatchEvents: 10,
    minRetryDelayMs: 1,
    maxRetryDelayMs: 1,
    concurrency: 1,
    onError: ({ code, willRetry }) => codes.push(`${code} ${willRetry}`),
    fetch: async (...args) => {
      const response = await fetch(...args);
      statuses.push(response.status);
      return response;
    },
  });
  for (let n = 0; n < 20; n++) client.track("a", { n });
  const { counts } = await client.close({ deadlineMs: 15_000 });
  expect(counts).toMatchObject({ acknowledged: 20, pending: 0 });
  expect(new Set(codes)).toEqual(new Set(["quota_exceeded true"]));
  // The debt of the first batch takes seconds to pay: who does not wait as asked is refused hundreds of times.
  expect(statuses.filter((status) => status === 429).length).toBeLessThan(5);
  expect((await rig.arrived(20)).length).toBe(20);
});

test("kill -9 of the collector and its return while events are tracked: each arrives, and none was reported that does not", async () => {
  const port = await freePort();
  await using rig = await startClientRig({ port });
  const acknowledged = new Set<string>();
  let failures = 0;
  const client = createClient<Record<string, { n: number }>>({
    url: rig.origin,
    key: "wk_app",
    maxBatchAgeMs: 10,
    maxRetryDelayMs: 200,
    onAcknowledged: (ids) => ids.forEach((id) => acknowledged.add(id)),
    onError: () => failures++,
  });
  const tracked: string[] = [];
  let isKilled = false;
  const restarted = (async () => {
    await waitFor(() => acknowledged.size > 200);
    await rig.collector.kill();
    isKilled = true;
    await delay(300);
    return CollectorProcess.start(rig.collector.dir, CONFIG, {}, port);
  })();
  let isBack = false;
  void restarted.then(() => (isBack = true));
  // At a steady rate, until it was back for a while.
  for (let after = 0; after < 50 && tracked.length < 20_000; after += isBack ? 1 : 0) {
    for (let n = 0; n < 5; n++) tracked.push(client.track("tick", { n: tracked.length }));
    await delay(5);
  }
  await using _collector = await restarted;
  const { counts, undelivered } = await client.close();
  expect(isKilled).toBe(true);
  expect(failures).toBeGreaterThan(0);
  expect(undelivered).toEqual([]);
  expect(counts).toMatchObject({ tracked: tracked.length, acknowledged: tracked.length, rejected: 0 });
  expect(acknowledged.size).toBe(tracked.length);
  const arrived = await arrivedAll(rig, tracked);
  expect(tracked.filter((id) => !arrived.has(id))).toEqual([]);
});

test("a close whose deadline passes hands back what the collector does not have", async () => {
  const port = await freePort();
  const client = createClient<Events>({ url: `http://127.0.0.1:${port}`, key: "wk_app", maxQueueBytes: 1_000 });
  for (let n = 0; n < 20; n++) client.track("checkout.paid", { total: n });
  const { undelivered, counts }: CloseReport = await client.close({ deadlineMs: 100 });
  expect(counts.dropped.queue_full).toBeGreaterThan(10);
  expect(counts.dropped.queue_full + counts.dropped.unsent).toBe(20);
  expect(undelivered).toHaveLength(counts.dropped.unsent);
  expect(undelivered[0]).toMatchObject({ type: "checkout.paid", data: { total: 0 } });
});

test("a collector that is not there when events are lost is told how many, once it is", async () => {
  const port = await freePort();
  const urls: string[] = [];
  await using client = createClient({
    url: `http://127.0.0.1:${port}`,
    key: "wk_app",
    maxQueueBytes: 1_000,
    maxRetryDelayMs: 50,
    fetch: async (...args) => {
      const request = new Request(...args);
      const response = await fetch(request);
      urls.push(`${response.status} ${request.url}`);
      return response;
    },
  });
  for (let n = 0; n < 20; n++) client.track("a", { n });
  const lost = client.counts().dropped.queue_full;
  expect(lost).toBeGreaterThan(10);
  await using rig = await startClientRig({ port });
  await client.flush();
  client.track("a", { n: 20 });
  await client.flush();
  expect(urls).toEqual([`201 ${rig.collector.url}?dropped=queue_full:${lost}`, `201 ${rig.collector.url}`]);
});

test("it runs where there is nothing of Node: in a bare context with what every edge runtime has", async () => {
  await using rig = await startClientRig();
  const { outputFiles } = await build({
    entryPoints: [path.join(import.meta.dirname, "../../src/client.ts")],
    bundle: true,
    write: false,
    format: "iife",
    globalName: "millrace",
    // Any import that is not ours fails the build.
    platform: "neutral",
  });
  const context = createContext({
    fetch,
    crypto: { getRandomValues: (array: Uint8Array<ArrayBuffer>) => crypto.getRandomValues(array) },
    URL,
    TextEncoder,
    AbortController,
    // As in browsers and on the edge a timer is a number.
    setTimeout: (call: () => void, ms: number) => Number(setTimeout(call, ms)),
    clearTimeout,
    origin: rig.origin,
  });
  new Script(outputFiles[0]?.text ?? "").runInContext(context);
  const counts: unknown = await new Script(`(async () => {
    if (typeof process !== "undefined" || typeof Buffer !== "undefined") throw new Error("there is Node");
    const client = millrace.createClient({ url: origin, key: "wk_app" });
    client.track("page.viewed", { path: "/", text: "x".repeat(10_000) });
    client.track("page.left");
    return client.flush();
  })()`).runInContext(context);
  expect(counts).toMatchObject({ acknowledged: 2, pending: 0 });
  expect((await rig.arrived(2)).map(({ type }) => type)).toEqual(["page.viewed", "page.left"]);
});

test("a process ends while events wait, unless it waits for them itself", async () => {
  const port = await freePort();
  const script = (ending: string) => `
    import { createClient } from ${JSON.stringify(path.join(import.meta.dirname, "../../src/client.ts"))};
    const client = createClient({ url: "http://127.0.0.1:${port}", key: "wk_app", minRetryDelayMs: 2 ** 31 - 1, maxRetryDelayMs: 2 ** 31 - 1 });
    client.track("a");
    ${ending}`;
  const run = async (ending: string) =>
    promisify(execFile)(process.execPath, ["--input-type=module", "-e", script(ending)], { timeout: 15_000 });
  const [left, waited] = await Promise.all([
    run(`client.flush({ deadlineMs: 1 });`),
    run(`console.log((await client.close({ deadlineMs: 500 })).undelivered.length);`),
  ]);
  expect(left.stdout).toBe("");
  expect(waited.stdout).toBe("1\n");
});

/** As that of the rig. */
const CONFIG = `workers: 1
journal: { dir: ./journal }
sources:
  - { name: app, keys: [wk_app], origins: ["*"], clientIp: none }
sinks:
  - { name: files, type: file, dir: ./events, batch: { maxAgeMs: 20 } }
`;

async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => {
    server.listen(0, "127.0.0.1", resolve);
  });
  const address = server.address();
  await new Promise((resolve) => {
    server.close(resolve);
  });
  if (address === null || typeof address === "string") throw new Error("no port");
  return address.port;
}

/** The ids that have arrived, once all that are waited for have, some perhaps twice. */
async function arrivedAll(rig: ClientRig, ids: readonly string[]): Promise<ReadonlySet<string>> {
  let seen = new Set<string>();
  await waitFor(async () => {
    seen = new Set((await rig.arrived(ids.length)).map(({ id }) => id));
    return ids.every((id) => seen.has(id));
  });
  return seen;
}
