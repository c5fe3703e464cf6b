import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { PassThrough, Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { expect, onTestFinished, test } from "vitest";
import { serve } from "../bench/http-server-fixture.ts";
import { EXIT } from "./exit-codes.ts";
import { runCli } from "./run-cli.ts";

async function bench(args: readonly string[], event?: string) {
  const cwd = await mkdtemp(path.join(tmpdir(), "millrace-bench-"));
  onTestFinished(() => rm(cwd, { recursive: true, force: true }));
  if (event !== undefined) await writeFile(path.join(cwd, "event.json"), event);
  const [stdout, stderr] = [new PassThrough(), new PassThrough()];
  const exitCode = await runCli(["bench", ...args], { stdin: Readable.from([]), stdout, stderr, env: {}, cwd });
  stdout.end();
  stderr.end();
  return { exitCode, stdout: await text(stdout), stderr: await text(stderr) };
}

test("events go to /v1/events with the key and the level, each with an id of its own", async () => {
  const requests: { readonly url: string | undefined; readonly key: string | undefined; readonly body: string }[] = [];
  const url = await serve((request, response) => {
    void text(request).then((body) => {
      requests.push({ url: request.url, key: request.headers.authorization, body });
      response.writeHead(201).end();
    });
  });
  const event = '{"type":"checkout.paid","id":"mine","data":{"total":1}}';
  const args = ["--url", url, "--key", "k1", "--rate", "200", "--seconds", "0.3", "--events-per-request", "2"];
  const { exitCode, stdout } = await bench([...args, "--ack", "durable", "--event", "event.json", "--json"], event);
  expect(exitCode).toBe(EXIT.ok);
  const report = JSON.parse(stdout);
  expect(report).toMatchObject({ eventsPerRequest: 2, wantedEventsPerSecond: 200, collector: null, failures: {} });
  // One more than the report counts: the first, which finds out whether there is a point in the others.
  expect(requests).toHaveLength(report.answered + 1);
  expect(new Set(requests.map((each) => `${each.url} ${each.key}`))).toEqual(
    new Set(["/v1/events?ack=durable Bearer k1"]),
  );
  const events = requests.flatMap(({ body }) => JSON.parse(body));
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length);
  expect(events[0]).toMatchObject({ type: "checkout.paid", data: { total: 1 } });
});

test("an unknown key is said before any load, with the collector's own words", async () => {
  let requests = 0;
  const url = await serve((_request, response) => {
    requests++;
    response.writeHead(401).end('{"code":"unknown_key"}');
  });
  const { exitCode, stderr } = await bench(["--url", url, "--key", "k2"]);
  expect(exitCode).toBe(EXIT.failed);
  expect(stderr).toBe(`error: ${url} answers 401: it does not know this --key\n  {"code":"unknown_key"}\n`);
  expect(requests).toBe(1);
});

test("a collector that is not there is said to be so, and not loaded", async () => {
  const { exitCode, stderr } = await bench(["--url", "http://127.0.0.1:1", "--key", "k"]);
  expect(exitCode).toBe(EXIT.failed);
  expect(stderr).toBe("error: http://127.0.0.1:1 cannot be reached: connection refused\n");
});

test("answers other than 2xx under load make the run a failure, and are counted", async () => {
  let requests = 0;
  const url = await serve((request, response) => {
    const status = ++requests > 5 ? 429 : 201;
    request.resume().on("end", () => response.writeHead(status).end("full"));
  });
  const { exitCode, stdout } = await bench(["--url", url, "--key", "k", "--max", "--seconds", "0.2"]);
  expect(exitCode).toBe(EXIT.failed);
  expect(stdout).toMatch(/requests answered +201: 4, 429: \d+/);
  expect(stdout).toContain("The first that was refused: 429 full");
});

test("events that were refused are no part of the rate", async () => {
  let requests = 0;
  const url = await serve((request, response) => {
    const status = ++requests > 5 ? 429 : 201;
    request.resume().on("end", () => response.writeHead(status).end());
  });
  const { stdout } = await bench(["--url", url, "--key", "k", "--max", "--seconds", "0.2", "--json"]);
  const { taken, eventsPerRequest, seconds, eventsPerSecond, statuses } = JSON.parse(stdout);
  expect(statuses["429"]).toBeGreaterThan(0);
  expect(taken).toBe(4);
  expect(eventsPerSecond).toBeCloseTo((4 * eventsPerRequest) / seconds, 6);
});

test("CPU an event comes from the collector's own metrics", async () => {
  let [accepted, cpuSeconds] = [0, 1];
  const url = await serve((request, response) => {
    if (request.url === "/metrics") {
      const series = [
        "millrace_ingest_requests_total 1",
        `millrace_ingest_accepted_events_total ${accepted}`,
        `process_cpu_seconds_total{worker="0"} ${cpuSeconds}`,
        "millrace_ledger_held_events 0",
      ];
      response.end(`${series.join("\n")}\n`);
      return;
    }
    accepted += 1;
    cpuSeconds += 20e-6;
    request.resume().on("end", () => response.writeHead(201).end());
  });
  const { stdout } = await bench(["--url", url, "--key", "k", "--seconds", "0.2", "--admin", url, "--json"]);
  const { answered, collector } = JSON.parse(stdout);
  expect(collector).toMatchObject({ events: answered, heldEvents: 0 });
  expect(collector.cpuMicrosPerEvent).toBeCloseTo(20, 5);
});

test.each([
  [["--key", "k"], "--url"],
  [["--url", "http://127.0.0.1:1"], "--key"],
  [["--url", "events.example", "--key", "k"], "--url takes the URL"],
  [["--url", "http://127.0.0.1:1", "--key", "a b"], "--key takes a write key"],
  [["--url", "http://127.0.0.1:1", "--key", "k", "--event", "none.json"], "--event none.json cannot be read"],
  [["--url", "http://127.0.0.1:1", "--key", "k", "--rate", "5", "--max"], "cannot be used with"],
])("a command line that makes no sense is refused: %j", async (args, words) => {
  const { exitCode, stderr } = await bench(args);
  expect(exitCode).toBe(EXIT.usage);
  expect(stderr).toContain(words);
});
