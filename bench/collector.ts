import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { Scrape } from "../src/cost/metrics-text.ts";
import { FIRST } from "../src/ingest/tls/tls-fixture.ts";
import { descendantsOf } from "../test/kit/process-tree.ts";
import { type Child, startChild } from "./child.ts";
import { freePort } from "./kit/free-port.ts";
import { TlsKinesis } from "./kit/tls-kinesis.ts";
import type { Target } from "./targets.ts";

export interface CollectorOptions {
  readonly name: string;
  /** The program: `dist/main.js` of this repository, or of another state of it. */
  readonly main: string;
  readonly format?: "none" | "kpl";
  readonly workers?: number;
  /** Kinesis sinks, each with a stand-in of its own. */
  readonly sinks?: number;
  /** Added to the environment. */
  readonly env?: NodeJS.ProcessEnv;
}

/** The precision of prom-client's event-loop histogram in the collector, which is part of each of its values. */
const LOOP_PRECISION_MS = 10;

const SETTLE_MS = 60_000;
const FIRST_ANSWER_MS = 20_000;
const FIRST_ANSWER_POLL_MS = 10;

/**
 * The collector as users run it: the compiled program, a supervisor and its workers, a schema
 * of 12 rules enforced, journal `os`, ack `accepted`, delivered over TLS to Kinesis stand-ins
 * in processes of their own. Everything else is at its default.
 */
export class Collector implements Target {
  readonly name: string;
  readonly dir: string;
  readonly url: URL;
  readonly kinesis: readonly TlsKinesis[];
  /** From the start of the process to its first 201. */
  readonly startMs: number;
  readonly #child: Child;
  readonly #adminUrl: string;
  readonly #opened: AsyncDisposableStack;

  private constructor(
    name: string,
    dir: string,
    ports: { readonly events: number; readonly admin: number },
    kinesis: readonly TlsKinesis[],
    started: { readonly child: Child; readonly startMs: number },
    opened: AsyncDisposableStack,
  ) {
    this.name = name;
    this.dir = dir;
    this.url = new URL(`http://127.0.0.1:${ports.events}/v1/events`);
    this.kinesis = kinesis;
    this.startMs = started.startMs;
    this.#child = started.child;
    this.#adminUrl = `http://127.0.0.1:${ports.admin}`;
    this.#opened = opened;
  }

  static async start(options: CollectorOptions): Promise<Collector> {
    await using opened = new AsyncDisposableStack();
    const dir = await mkdtemp(path.join(tmpdir(), "millrace-bench-"));
    opened.defer(() => rm(dir, { recursive: true, force: true, maxRetries: 3 }));
    const kinesis: TlsKinesis[] = [];
    for (let sink = 0; sink < (options.sinks ?? 1); sink++) kinesis.push(opened.use(await TlsKinesis.start()));
    const ports = { events: await freePort(), admin: await freePort() };
    await writeFile(path.join(dir, "ca.pem"), FIRST.cert);
    const file = path.join(dir, "millrace.yaml");
    await writeFile(file, configuration(options, ports, kinesis));

    const env = {
      ...process.env,
      AWS_ACCESS_KEY_ID: "bench",
      AWS_SECRET_ACCESS_KEY: "bench",
      NODE_EXTRA_CA_CERTS: path.join(dir, "ca.pem"),
      ...options.env,
    };
    const sinceMs = performance.now();
    const starting = startChild(
      process.execPath,
      [options.main, "start", "--config", file],
      /Millrace is ready/,
      env,
      dir,
    );
    const answered = firstAnswer(`http://127.0.0.1:${ports.events}/v1/events`, sinceMs);
    const child = opened.use(await starting);
    const startMs = (await answered) - sinceMs;
    return new Collector(options.name, dir, ports, kinesis, { child, startMs }, opened.move());
  }

  get pid(): number {
    return this.#child.pid;
  }

  get workerPids(): readonly number[] {
    return descendantsOf(this.pid);
  }

  async metrics(): Promise<Scrape> {
    return new Scrape(await (await this.#admin("/metrics")).text(), performance.now());
  }

  /** The largest p99 of a worker's event-loop delay since the metrics were read last, in milliseconds. */
  async loopDelayP99Ms(): Promise<number> {
    const text = await (await this.#admin("/metrics")).text();
    const all = [...text.matchAll(/^nodejs_eventloop_lag_p99_seconds\{worker="\d+"\} (\S+)/gm)];
    return Math.max(0, ...all.map(([, seconds]) => Number(seconds) * 1_000 - LOOP_PRECISION_MS));
  }

  /** On a connection of its own: one that was kept may be closed by now. */
  #admin(at: string): Promise<Response> {
    return fetch(`${this.#adminUrl}${at}`, { headers: { connection: "close" } });
  }

  async settled(): Promise<void> {
    await this.settledBut();
  }

  /** Resolves when nothing is held for any sink but the named ones. */
  async settledBut(...dead: readonly string[]): Promise<void> {
    const deadline = Date.now() + SETTLE_MS;
    while (Date.now() < deadline) {
      const reply = await this.#admin("/v1/ledger");
      const ledger = (await reply.json()) as { rows: { held: number; sink: string }[] };
      if (ledger.rows.every((row) => row.held === 0 || dead.includes(row.sink))) return;
      await delay(20);
    }
    throw new Error(`events were still held ${SETTLE_MS} ms after the load ended`);
  }

  /** Ends the collector in order, so that it writes what it writes at its end. */
  async end(): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}

function configuration(
  { format = "none", workers = 1 }: CollectorOptions,
  ports: { readonly events: number; readonly admin: number },
  kinesis: readonly TlsKinesis[],
): string {
  const sinks = kinesis.map(
    ({ url }, index) =>
      `  - { name: stream-${index}, type: kinesis, stream: bench, region: us-east-1, endpoint: "${url}", format: ${format} }`,
  );
  return `listen: { host: 127.0.0.1, port: ${ports.events} }
admin: { host: 127.0.0.1, port: ${ports.admin} }
workers: ${workers}
journal: { dir: ./data/journal, durability: os }
# A sink that is dead in the end is not waited for.
shutdown: { drainMs: 2000 }
schemas: { dir: ${path.join(import.meta.dirname, "schemas")} }
sources:
  - { name: web, keys: [wk_bench], validation: enforce }
sinks:
${sinks.join("\n")}
`;
}

/** When the first event is answered 201, on the clock of `performance.now`. */
async function firstAnswer(url: string, sinceMs: number): Promise<number> {
  const body = JSON.stringify({ type: "bench.started" });
  const headers = { authorization: "Bearer wk_bench", "content-type": "application/json", connection: "close" };
  for (;;) {
    const status = await fetch(url, { method: "POST", headers, body }).then(
      (reply) => reply.status,
      () => 0,
    );
    const nowMs = performance.now();
    if (status === 201) return nowMs;
    if (nowMs - sinceMs > FIRST_ANSWER_MS) return Number.NaN;
    await delay(FIRST_ANSWER_POLL_MS);
  }
}
