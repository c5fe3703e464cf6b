import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Child, startChild } from "./child.ts";
import { freePort } from "./kit/free-port.ts";

/** Something that answers POST /v1/events with 201, to be measured. */
export interface Target extends AsyncDisposable {
  readonly name: string;
  /** The process whose CPU time counts, with that of its descendants. */
  readonly pid: number;
  readonly url: URL;
  /** Resolves when every accepted event has reached its destination. */
  settled(): Promise<void>;
}

const NOTHING_TO_SETTLE = async (): Promise<void> => {};

/** The floors: what a server costs that does nothing. */
export const FLOORS = { nginx: "nginx return 201", node: "bare node:http" } as const;

/** `return 201` in nginx with one worker. Rejects when there is no nginx. */
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
  return target(FLOORS.nginx, child, port, dir);
}

/** `node:http` that reads the body and answers 201. */
export async function bareNodeFloor(): Promise<Target> {
  const child = await startChild(process.execPath, [path.join(import.meta.dirname, "bare-server.ts")], /port/);
  const { port } = JSON.parse(child.firstLine) as { port: number };
  return target(FLOORS.node, child, port);
}

function target(name: string, child: Child, port: number, dir?: string): Target {
  return {
    name,
    pid: child.pid,
    url: new URL(`http://127.0.0.1:${port}/v1/events`),
    settled: NOTHING_TO_SETTLE,
    async [Symbol.asyncDispose]() {
      await child[Symbol.asyncDispose]();
      if (dir !== undefined) await rm(dir, { recursive: true, force: true });
    },
  };
}
