import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { EventsByReason, LedgerRow } from "../../src/core/ledger.ts";
import { descendantsOf, isRunning, killTree } from "./process-tree.ts";
import { waitFor } from "./wait-for.ts";

const STARTUP_MS = 20_000;
const EXIT_MS = 40_000;
const main = path.join(import.meta.dirname, "../../src/main.ts");

export interface LedgerReply {
  readonly balanced: boolean;
  readonly complete: boolean;
  readonly missing: readonly string[];
  readonly accepted: Readonly<Record<string, number>>;
  readonly quarantined: Readonly<Record<string, number>>;
  readonly filtered: EventsByReason;
  readonly clientDropped: EventsByReason;
  readonly rows: readonly LedgerRow[];
}

/** A collector in a process of its own, as users run it, on free ports of the loopback address. */
export class CollectorProcess implements AsyncDisposable {
  readonly dir: string;
  readonly port: number;
  readonly adminPort: number;
  readonly #child: ChildProcess;
  readonly #output: { text: string };

  private constructor(dir: string, child: ChildProcess, output: { text: string }, port: number, adminPort: number) {
    this.dir = dir;
    this.#child = child;
    this.#output = output;
    this.port = port;
    this.adminPort = adminPort;
  }

  /**
   * Starts a collector whose `millrace.yaml` has the given text; `admin` is added, and `listen` if it is not there.
   *
   * @param port for events; default: any free one
   */
  static async start(dir: string, yaml: string, env: NodeJS.ProcessEnv = {}, port = 0): Promise<CollectorProcess> {
    const file = path.join(dir, "millrace.yaml");
    const listen = /^listen:/m.test(yaml) ? "" : `listen: { host: 127.0.0.1, port: ${port} }\n`;
    await writeFile(file, `${listen}admin: { host: 127.0.0.1, port: 0 }\n${yaml}`);
    const child = spawn(process.execPath, [main, "start", "--config", file], {
      cwd: dir,
      env: { ...process.env, AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test", ...env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    const output = { text: "" };
    for (const stream of [child.stdout, child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        output.text += chunk.toString();
      });
    }
    const deadline = Date.now() + STARTUP_MS;
    while (!output.text.includes("Millrace is ready")) {
      if (child.exitCode !== null || Date.now() > deadline) {
        if (child.pid !== undefined) killTree(child.pid);
        throw new Error(`the collector did not start (exit code ${child.exitCode}):\n${output.text}`);
      }
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const eventPort = Number(/POST https?:\/\/127\.0\.0\.1:(\d+)\//.exec(output.text)?.[1]);
    const adminPort = Number(/admin +http:\/\/127\.0\.0\.1:(\d+)\//.exec(output.text)?.[1]);
    return new CollectorProcess(dir, child, output, eventPort, adminPort);
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}/v1/events`;
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** Everything it has printed so far. */
  get output(): string {
    return this.#output.text;
  }

  async ledger(): Promise<LedgerReply> {
    const reply = await fetch(`http://127.0.0.1:${this.adminPort}/v1/ledger`);
    return (await reply.json()) as LedgerReply;
  }

  /** Polls until no sink holds anything. */
  async settled(withinMs = 30_000): Promise<LedgerReply> {
    const deadline = Date.now() + withinMs;
    for (;;) {
      const ledger = await this.ledger();
      if (ledger.rows.every((row) => row.held === 0)) return ledger;
      if (Date.now() > deadline)
        throw new Error(`events are still held after ${withinMs} ms: ${JSON.stringify(ledger.rows)}`);
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  /** `kill -9` of the supervisor and all workers at once, as when the machine's memory runs out. Resolves when all are gone. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const workers = descendantsOf(this.pid);
    killTree(this.pid);
    await this.exited();
    await waitFor(() => !workers.some((pid) => isRunning(pid)));
  }

  async workers(): Promise<{ slot: string; pid?: number; state: string; restarts: number }[]> {
    const reply = await fetch(`http://127.0.0.1:${this.adminPort}/v1/workers`);
    return (await reply.json()) as { slot: string; pid?: number; state: string; restarts: number }[];
  }

  /** Runs another command on the same configuration, and returns what it prints. Throws when it fails. */
  async command(...args: string[]): Promise<string> {
    const all = [main, ...args, "--config", path.join(this.dir, "millrace.yaml")];
    return (await promisify(execFile)(process.execPath, all, { cwd: this.dir, timeout: 30_000 })).stdout;
  }

  /** To the supervisor only. */
  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves with the exit code, or the signal that ended it. */
  async exited(): Promise<number | NodeJS.Signals | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode;
    if (this.#child.signalCode !== null) return this.#child.signalCode;
    const [code, signal] = (await once(this.#child, "exit", { signal: AbortSignal.timeout(EXIT_MS) })) as [
      number | null,
      NodeJS.Signals | null,
    ];
    return code ?? signal;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
  }
}

/** A folder that is removed with all it holds when it goes out of scope. */
export async function temporaryDir(): Promise<AsyncDisposable & { readonly path: string }> {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-test-"));
  return { path: dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true, force: true, maxRetries: 3 }) };
}
