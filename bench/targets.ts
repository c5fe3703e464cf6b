import { mkdtemp, mkdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Child, startChild } from "./child.ts";
import { freePort } from "./kit/free-port.ts";

/** Something that answers POST /v1/events with 201, to be measured. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  /** The process whose CPU time counts, with that of its descendants. */
  readonly pid: number;
  readonly url: string;
  /** Resolves when every accepted event has reached its destination. */
  settled(): Promise<void>;
}

const NOTHING_TO_SETTLE = async (): Promise<void> => {};
const SETTLE_MS = 60_000;

/** `return 201` in nginx with one worker: what a server costs that does nothing. */
export async function nginxFloor(): Promise<Target> {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-bench-nginx-"));
  const port = await freePort();
  await writeFile(
    path.join(dir, "nginx.conf"),
    `daemon off; master_process off; pid ${dir}/nginx.pid; error_log stderr notice; events { worker_connections 1024; }
     http { access_log off; keepalive_requests 1000000000; client_body_temp_path ${dir}; proxy_temp_path ${dir};
       fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
       server { listen 127.0.0.1:${port}; location / { return 201; } } }`,
  );
  const child = await startChild(
    "nginx",
    ["-p", dir, "-c", path.join(dir, "nginx.conf")],
    /start|using the .* event method/,
  );
  return target("nginx return 201", child, port, NOTHING_TO_SETTLE, dir);
}

/** `node:http` that reads the body and answers 201. */
export async function bareNodeFloor(): Promise<Target> {
  const child = await startChild(process.execPath, [path.join(import.meta.dirname, "bare-server.ts")], /port/);
  const { port } = JSON.parse(child.firstLine) as { port: number };
  return target("bare node:http", child, port, NOTHING_TO_SETTLE);
}

/** The collector as users run it on one core: one worker and its supervisor, schema enforced, journal `os`, ack `accepted`, delivered to a Kinesis stand-in in a process of its own. */
export async function millrace(format: "none" | "kpl"): Promise<Target> {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-bench-"));
  const standIn = await startChild(process.execPath, [path.join(import.meta.dirname, "kinesis-stand-in.ts")], /port/);
  const { port: kinesisPort } = JSON.parse(standIn.firstLine) as { port: number };
  const [port, adminPort] = [await freePort(), await freePort()];
  await mkdir(path.join(dir, "data"));
  const file = path.join(dir, "millrace.yaml");
  await writeFile(
    file,
    `listen: { host: 127.0.0.1, port: ${port} }
admin: { host: 127.0.0.1, port: ${adminPort} }
workers: 1
journal: { dir: ./data/journal, durability: os }
schemas: { dir: ${path.join(import.meta.dirname, "schemas")} }
sources:
  - { name: web, keys: [wk_bench], validation: enforce }
sinks:
  - { name: stream, type: kinesis, stream: bench, region: us-east-1, endpoint: "http://127.0.0.1:${kinesisPort}", format: ${format} }
`,
  );
  const env = { ...process.env, AWS_ACCESS_KEY_ID: "bench", AWS_SECRET_ACCESS_KEY: "bench" };
  const main = path.join(import.meta.dirname, "../src/main.ts");
  const child = await startChild(process.execPath, [main, "start", "--config", file], /Millrace is ready/, env);
  const settled = async (): Promise<void> => {
    const deadline = Date.now() + SETTLE_MS;
    while (Date.now() < deadline) {
      const reply = await fetch(`http://127.0.0.1:${adminPort}/v1/ledger`, { headers: { connection: "close" } });
      const ledger = (await reply.json()) as { rows: { held: number }[] };
      if (ledger.rows.every((row) => row.held === 0)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    throw new Error(`events were still held ${SETTLE_MS} ms after the load ended`);
  };
  const own = target(`Millrace, Kinesis ${format}`, child, port, settled, dir);
  return {
    ...own,
    async [Symbol.asyncDispose]() {
      await own[Symbol.asyncDispose]();
      await standIn[Symbol.asyncDispose]();
    },
  };
}

function target(name: string, child: Child, port: number, settled: () => Promise<void>, dir?: string): Target {
  return {
    name,
    pid: child.pid,
    url: `http://127.0.0.1:${port}/v1/events`,
    settled,
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      if (dir !== undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
