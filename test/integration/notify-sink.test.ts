import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import path from "node:path";
import { json } from "node:stream/consumers";
import { request } from "undici";
import { expect, onTestFinished, test } from "vitest";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { startMailServer } from "../kit/mail-server.ts";
import { waitFor } from "../kit/wait-for.ts";

interface Told {
  readonly status: string;
  readonly rule: string;
  readonly group: Readonly<Record<string, string>>;
  readonly value: number;
  readonly node: string;
  readonly sampleEventId?: string;
}

/** A webhook's receiver, and all alerts it was told of, in order. */
async function startReceiver() {
  const told: Told[] = [];
  const server = createServer((incoming, response) => {
    void json(incoming).then((body) => {
      told.push(...(body as { data: { alerts: Told[] } }).data.alerts);
      response.end();
    });
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  onTestFinished(() => {
    server.close();
    server.closeAllConnections();
  });
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/hook`;
  return {
    url,
    told,
    titles: () => told.map(({ status, rule, group }) => [status, rule, ...Object.values(group)].join(" ")),
  };
}

/** The window of a rule has to pass. */
const LONG = { timeout: 120_000 };

const configOf = (url: string, rest = "") => `
node: node-a
workers: 2
journal: { dir: ./journal }
quarantine: { dir: ./quarantine }
deadLetters: { dir: ./dead-letters }
sources: [{ name: web, keys: [wk_test] }]
sinks:
  - name: alerts
    type: notify
    batch: { maxAgeMs: 50 }
    rules:
      - name: js-errors
        when: type == "js.error"
        groupBy: [/data/release]
        moreThan: 50
        withinMs: 10000
        resolveAfterMs: 0
        minGapMs: 60000
${rest}
    channels:
      - { name: hook, type: webhook, url: "${url}", secret: "a secret of the tests", minGapMs: 0 }
`;

/** Sends events, three over each connection, so that all workers get some. */
async function send(collector: CollectorProcess, events: number, release: string): Promise<void> {
  for (let left = events; left > 0; left -= 3) {
    const some = Array.from({ length: Math.min(3, left) }, () => ({ type: "js.error", data: { release } }));
    const { statusCode, body } = await request(collector.url, {
      method: "POST",
      reset: true,
      headers: { authorization: "Bearer wk_test", "content-type": "application/json" },
      body: JSON.stringify(some),
    });
    await body.dump();
    expect(statusCode).toBe(201);
  }
}

async function metric(collector: CollectorProcess, name: string): Promise<string[]> {
  const text = await (await fetch(`http://127.0.0.1:${collector.adminPort}/metrics`)).text();
  return text.split("\n").filter((line) => line.startsWith(name));
}

test(
  "events over two workers make one alert for the release that has too many, and one message when it is over",
  LONG,
  async () => {
    await using dir = await temporaryDir();
    const receiver = await startReceiver();
    const rules = `
    collector:
      - { name: restarts, watch: workerRestarts, above: 0, minGapMs: 0 }
      - { name: dead-stream, watch: sinkFailingMs, above: 500, sinks: [stream] }`;
    const stream = `
  - { name: stream, type: kinesis, stream: events, region: us-east-1, endpoint: "http://127.0.0.1:9", required: false }
shutdown: { drainMs: 4000 }
`;
    await using collector = await CollectorProcess.start(dir.path, configOf(receiver.url, rules).trimEnd() + stream);
    await Promise.all([send(collector, 60, "A"), send(collector, 20, "B")]);
    const ofRule = (rule: string) => receiver.told.filter((told) => told.rule === rule);
    await waitFor(() => ofRule("js-errors").length > 0);
    expect(ofRule("js-errors")[0]).toMatchObject({
      status: "firing",
      rule: "js-errors",
      group: { "/data/release": "A" },
      node: "node-a",
      sampleEventId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    });
    // Neither worker alone has seen as many.
    const matched = await metric(collector, "millrace_notify_matched_events_total");
    expect(matched).toHaveLength(2);
    expect(await metric(collector, "millrace_alert_firing{")).toContainEqual(
      expect.stringMatching(/rule="js-errors",worker="supervisor"\} 1$/) as string,
    );
    const alerts = (await (await fetch(`http://127.0.0.1:${collector.adminPort}/v1/alerts`)).json()) as {
      firing: object[];
    };
    expect(alerts.firing).toContainEqual(
      expect.objectContaining({ rule: "js-errors", group: [{ by: "/data/release", value: "A" }] }),
    );
    await waitFor(() => receiver.titles().includes("firing dead-stream stream"));
    await waitFor(() => receiver.told.some(({ status }) => status === "resolved"), 40_000);
    // It comes again at once and is not told again so soon.
    await send(collector, 51, "A");
    await waitFor(async () =>
      (await metric(collector, "millrace_alert_firing{")).some((line) => /js-errors.* 1$/.test(line)),
    );
    expect(ofRule("js-errors").map(({ status }) => status)).toEqual(["firing", "resolved"]);

    // What was counted outlives a worker.
    const [worker] = await collector.workers();
    if (worker?.pid !== undefined) process.kill(worker.pid, "SIGKILL");
    await waitFor(() => receiver.titles().includes("firing restarts"));
    collector.signal("SIGTERM");
    expect(await collector.exited()).toBe(0);
    expect(collector.output).not.toContain("a secret of the tests");
  },
);

test("what is counted in the drain is judged and told before the end, within a bounded time", LONG, async () => {
  await using dir = await temporaryDir();
  const receiver = await startReceiver();
  const config = configOf(receiver.url).replace("maxAgeMs: 50", "maxAgeMs: 3000");
  await using collector = await CollectorProcess.start(dir.path, config);
  await send(collector, 60, "A");
  collector.signal("SIGTERM");
  expect(await collector.exited()).toBe(0);
  expect(receiver.titles()).toEqual(["firing js-errors A"]);
});

test(
  "a reload keeps what was counted for a rule that stays as it was, and takes up new rules and channels",
  LONG,
  async () => {
    await using dir = await temporaryDir();
    const [receiver, second] = await Promise.all([startReceiver(), startReceiver()]);
    await using server = await startMailServer();
    await using collector = await CollectorProcess.start(dir.path, configOf(receiver.url).replace("10000", "60000"));
    await send(collector, 40, "A");
    await collector.settled();
    const more = `
      - { name: many, when: "true", moreThan: 5, channels: [second] }`;
    const channels = `
      - { name: second, type: webhook, url: "${second.url}", secret: "a secret of the tests" }
      - { name: mail, type: email, host: 127.0.0.1, port: ${server.port}, from: a@b.example, to: [c@d.example] }
`;
    const file = path.join(dir.path, "millrace.yaml");
    const before = await readFile(file, "utf8");
    await writeFile(file, before.replace("minGapMs: 60000\n", `minGapMs: 60000\n${more}`).trimEnd() + channels);
    await waitFor(() => collector.output.includes("configuration reloaded"));
    await send(collector, 11, "A");
    await waitFor(() => receiver.told.length > 0 && second.told.length > 1 && server.mails.length > 0);
    expect(receiver.told[0]).toMatchObject({ rule: "js-errors", value: 51 });
    expect(second.told.map(({ rule }) => rule).toSorted((a, b) => a.localeCompare(b))).toEqual(["js-errors", "many"]);
  },
);
