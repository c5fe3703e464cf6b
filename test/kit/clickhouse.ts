import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { programOf } from "./debian-package.ts";
import { freePort } from "./free-port.ts";
import { stall } from "./process-tree.ts";
import { installOnce } from "./test-cache.ts";

const run = promisify(execFile);

const ENGINE_VERSION = "26.5.0";
const INSTALL_MS = 300_000;
const START_MS = 60_000;

export const CLICKHOUSE_USER = "default";
export const CLICKHOUSE_PASSWORD = "s3cret";

/** How a kind of ClickHouse is started on a port, with a folder that stays. */
type Launch = (port: number, dir: string) => Promise<ChildProcess>;

/** A ClickHouse in a process of its own, which keeps port and data when it is killed and started again. */
export class Clickhouse implements AsyncDisposable {
  readonly port: number;
  readonly #dir: string;
  readonly #launch: Launch;
  #child: ChildProcess | undefined;
  #isFrozen = false;

  private constructor(port: number, dir: string, launch: Launch) {
    this.port = port;
    this.#dir = dir;
    this.#launch = launch;
  }

  static async start(launch: Launch): Promise<Clickhouse> {
    const dir = await mkdtemp(path.join(tmpdir(), "millrace-clickhouse-"));
    const server = new Clickhouse(await freePort(), dir, launch);
    await server.up();
    return server;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async up(): Promise<void> {
    if (this.#isFrozen) await this.kill();
    if (this.#child !== undefined) return;
    this.#child = await this.#launch(this.port, this.#dir);
    for (const deadline = Date.now() + START_MS; Date.now() < deadline; await delay(50)) {
      if (this.#child.exitCode !== null) break;
      const answer = await fetch(`${this.url}/ping`).catch(() => undefined);
      if ((await answer?.text())?.startsWith("Ok.") === true) return;
    }
    await this.kill();
    throw new Error("ClickHouse was installed but does not answer");
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    this.#isFrozen = false;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** `SIGSTOP`: it keeps its connections and answers no more, until `up` starts another. */
  freeze(): void {
    this.#isFrozen = true;
    if (this.#child?.pid !== undefined) stall(this.#child.pid);
  }

  /** Runs a statement. Throws with the server's words when it fails. */
  async query(sql: string): Promise<string> {
    const answer = await fetch(this.url, {
      method: "POST",
      headers: { "X-ClickHouse-User": CLICKHOUSE_USER, "X-ClickHouse-Key": CLICKHOUSE_PASSWORD },
      body: sql,
    });
    const text = await answer.text();
    if (answer.status !== 200) throw new Error(text);
    return text.trim();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Debian's server: a real one, and an old one (18.16). Or the reason why there is none. */
export function debianClickhouse(): { readonly launch: Launch; readonly why?: never } | { readonly why: string } {
  const program = programOf("clickhouse-server", ["/usr/sbin/clickhouse-server", "/usr/bin/clickhouse-server"]);
  if (program.path === undefined) return { why: program.why };
  return {
    async launch(port, dir) {
      for (const folder of ["data", "tmp"]) await mkdir(path.join(dir, folder), { recursive: true });
      await writeFile(path.join(dir, "config.xml"), await serverConfig(port, dir));
      await writeFile(path.join(dir, "users.xml"), USERS);
      return spawn(program.path, [`--config-file=${path.join(dir, "config.xml")}`], { cwd: dir, stdio: "ignore" });
    },
  };
}

/** The engine of a new version, embedded in Python (chdb), behind a small HTTP interface of ours. */
export async function embeddedClickhouse(): Promise<
  { readonly launch: Launch; readonly why?: never } | { readonly why: string }
> {
  try {
    const directory = await installOnce(`chdb-core-lite-${ENGINE_VERSION}`, async (target) => {
      await run("python3", ["-m", "venv", target], { timeout: INSTALL_MS });
      const install = ["install", "--quiet", "--no-deps", `chdb-core-lite==${ENGINE_VERSION}`];
      await run(path.join(target, "bin/pip"), install, { timeout: INSTALL_MS });
    });
    const script = path.join(import.meta.dirname, "clickhouse-engine.py");
    return {
      launch: (port, dir) => {
        const args = [script, String(port), path.join(dir, "engine"), CLICKHOUSE_USER, CLICKHOUSE_PASSWORD];
        return Promise.resolve(spawn(path.join(directory, "bin/python"), args, { cwd: dir, stdio: "ignore" }));
      },
    };
  } catch (error) {
    return { why: `chdb-core-lite is not installed, and cannot be: ${String(error).split("\n")[0] ?? ""}` };
  }
}

async function serverConfig(port: number, dir: string): Promise<string> {
  return `<yandex>
    <logger><level>error</level><log>${dir}/log</log><errorlog>${dir}/errors</errorlog></logger>
    <http_port>${port}</http_port><tcp_port>${await freePort()}</tcp_port><listen_host>127.0.0.1</listen_host>
    <path>${dir}/data/</path><tmp_path>${dir}/tmp/</tmp_path><users_config>${dir}/users.xml</users_config>
    <default_profile>default</default_profile><default_database>default</default_database>
    <mark_cache_size>5368709</mark_cache_size>
  </yandex>`;
}

const USERS = `<yandex>
  <profiles><default><max_memory_usage>1000000000</max_memory_usage></default></profiles>
  <users><default>
    <password>${CLICKHOUSE_PASSWORD}</password><networks><ip>127.0.0.1</ip></networks>
    <profile>default</profile><quota>default</quota>
  </default></users>
  <quotas><default></default></quotas>
</yandex>`;
