import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { type Child, startChild } from "../child.ts";

/** nginx in front of collectors, set as docs/operations.md advises, "Behind a load balancer". */
export class Nginx implements AsyncDisposable {
  readonly port: number;
  readonly #dir: string;
  readonly #child: Child;

  private constructor(port: number, dir: string, child: Child) {
    this.port = port;
    this.#dir = dir;
    this.#child = child;
  }

  /** Needs `nginx` on the path (Debian: nginx-light). */
  static async start(port: number, upstreamPorts: readonly number[]): Promise<Nginx> {
    const dir = await mkdtemp(path.join(tmpdir(), "millrace-nginx-"));
    const file = path.join(dir, "nginx.conf");
    await writeFile(file, configuration(port, upstreamPorts, dir));
    try {
      const child = await startChild("nginx", ["-p", dir, "-c", file], /using the .* event method/);
      return new Nginx(port, dir, child);
    } catch (error) {
      await rm(dir, { recursive: true });
      throw error;
    }
  }

  /** Requests that were not answered 2xx: time, status, and what each collector that was tried said. */
  async failedRequests(): Promise<string[]> {
    return lines(await readFile(path.join(this.#dir, "access.log"), "utf8"));
  }

  /** What went wrong between nginx and the collectors, answered by another collector or not. */
  async errors(): Promise<string[]> {
    return lines(await readFile(path.join(this.#dir, "error.log"), "utf8"));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#child[Symbol.asyncDispose]();
    await rm(this.#dir, { recursive: true });
  }
}

function configuration(port: number, upstreamPorts: readonly number[], dir: string): string {
  return `daemon off; master_process off; pid ${dir}/nginx.pid;
error_log stderr notice; error_log ${dir}/error.log error;
events { worker_connections 4096; }
http {
  log_format failed '$time_iso8601 $status tried $upstream_addr: $upstream_status in $upstream_response_time s';
  map $status $is_failed { ~^2 0; default 1; }
  access_log ${dir}/access.log failed if=$is_failed;
  client_body_temp_path ${dir}; proxy_temp_path ${dir}; fastcgi_temp_path ${dir}; uwsgi_temp_path ${dir}; scgi_temp_path ${dir};
  keepalive_requests 1000000000;
  upstream millrace {
${upstreamPorts.map((each) => `    server 127.0.0.1:${each} max_fails=1 fail_timeout=1s;`).join("\n")}
    keepalive 64;
    keepalive_timeout 60s;
    keepalive_requests 1000000;
  }
  server {
    listen 127.0.0.1:${port};
    client_max_body_size 20m;
    location / {
      proxy_pass http://millrace;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;
      proxy_connect_timeout 1s;
      proxy_next_upstream error timeout;
    }
  }
}
`;
}

function lines(text: string): string[] {
  return text.split("\n").filter((line) => line !== "");
}
