import { afterAll, beforeAll, expect, test } from "vitest";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { logFaults, NAME_REQUESTS, strayFiles } from "../kit/hostile-names.ts";
import { BOMBS, faultOf, type HostilePayload, JSON_SHAPES, TEXTS } from "../kit/hostile-payloads.ts";
import { ATTACKER, HEADERS, type HostileRequest, SMUGGLING, VICTIM } from "../kit/hostile-requests.ts";
import { exchangeRaw } from "../kit/raw-exchange.ts";

// Attacks that need many connections, a long time or a tool are in bench/attacks.ts; those on the
// parts of HTTP/2 and on connections lie beside the code, in src/ingest.

let dir: Awaited<ReturnType<typeof temporaryDir>>;
let collector: CollectorProcess;
beforeAll(async () => {
  dir = await temporaryDir();
  collector = await CollectorProcess.start(
    dir.path,
    `
workers: 1
log: { level: trace }
http: { trustedProxyHops: 1 }
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources:
  - { name: ${ATTACKER.name}, keys: [${ATTACKER.key}], origins: ["https://shop.example"] }
  - { name: ${VICTIM.name}, keys: [${VICTIM.key}] }
  - name: limited
    keys: [wk_limited]
    quota: { eventsPerSecond: 100000, burst: 100000, perClient: { eventsPerSecond: 0.01, burst: 3 } }
sinks: [{ name: files, type: file, dir: ./data/events }]
`,
  );
}, 30_000);
afterAll(async () => {
  await collector[Symbol.asyncDispose]();
  await dir[Symbol.asyncDispose]();
});

/** The shapes that are answered otherwise than they should be. */
async function wronglyAnswered(requests: readonly HostileRequest[]): Promise<string[]> {
  const wrong = requests.map(async ({ name, bytes, answers }) => {
    const { statuses } = await exchangeRaw(collector.port, bytes);
    return statuses.join() === answers.join() ? [] : [`${name}: ${statuses.join()} instead of ${answers.join()}`];
  });
  return (await Promise.all(wrong)).flat();
}

async function wronglyTaken(payloads: readonly HostilePayload[]): Promise<string[]> {
  const faults: string[] = [];
  for (const payload of payloads) {
    const fault = await faultOf(payload, payload.body(), `${collector.url}?key=${ATTACKER.key}`);
    if (fault !== undefined) faults.push(fault);
  }
  return faults;
}

test("no way to bend the end of a request gets another request through", async () => {
  expect(await wronglyAnswered(SMUGGLING)).toEqual([]);
  expect((await collector.ledger()).accepted).not.toHaveProperty(VICTIM.name);
}, 60_000);

test("headers that are too many, too large or there twice are refused, others served", async () => {
  expect(await wronglyAnswered(HEADERS)).toEqual([]);
}, 60_000);

test("bombs of every encoding are refused, and nothing of them is held", async () => {
  expect(await wronglyTaken(BOMBS)).toEqual([]);
  const metrics = await (await fetch(`http://127.0.0.1:${collector.adminPort}/metrics`)).text();
  expect(metrics).toMatch(/^millrace_ingest_pending_bytes(\{[^}]*\})? 0$/m);
}, 60_000);

test("JSON that is deep, wide or made to be slow is taken or refused as its limits say", async () => {
  expect(await wronglyTaken(JSON_SHAPES)).toEqual([]);
}, 60_000);

test("text that is no UTF-8, or that hides something, is refused", async () => {
  expect(await wronglyTaken(TEXTS)).toEqual([]);
});

test("no name from outside forges a line of the log, reaches a terminal, or leads out of a directory", async () => {
  const answers = await Promise.all(NAME_REQUESTS.map(({ bytes }) => exchangeRaw(collector.port, bytes)));
  expect(answers.filter(({ statuses }) => statuses.length === 0 || statuses.some((status) => status >= 500))).toEqual(
    [],
  );
  // What is answered holds nothing of the file that the collector was started with.
  expect(answers.filter(({ text }) => text.includes(VICTIM.key))).toEqual([]);
  const log = collector.output.slice(collector.output.indexOf("\n\n") + 2);
  expect(log).toContain("request refused");
  expect(logFaults(log)).toEqual([]);
  expect(await strayFiles(dir.path, ["millrace.yaml", "data"])).toEqual([]);
}, 60_000);

test("one client's quota is not another's", async () => {
  // The second is on credit.
  for (let requests = 0; requests < 2; requests++) expect((await sendFrom("192.0.2.1")).status).toBe(201);
  expect(await (await sendFrom("192.0.2.1")).json()).toMatchObject({ code: "client_quota_exceeded" });
  expect((await sendFrom("192.0.2.2")).status).toBe(201);
});

function sendFrom(client: string): Promise<Response> {
  return fetch(`${collector.url}?key=wk_limited`, {
    method: "POST",
    headers: { "x-forwarded-for": client },
    body: '[{"type":"a"},{"type":"a"}]',
  });
}

test("after all of it the collector is the same process, and its ledger balances", async () => {
  expect(await collector.workers()).toMatchObject([{ state: "ready", restarts: 0 }]);
  expect((await collector.settled()).balanced).toBe(true);
  collector.signal("SIGTERM");
  expect(await collector.exited()).toBe(0);
}, 30_000);
