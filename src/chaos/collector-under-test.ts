import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { isAlive, sendSignal } from "./processes.ts";
import type { LedgerReply } from "./verdict.ts";

/** Sooner than systemd's default of 100 ms nothing restarts a service. */
const RESTART_DELAY_MS = 100;
const STARTUP_MS = 60_000;
/** How long workers may outlive their supervisor. They finish requests, save and go. */
const ORPHANS_MS = 15_000;
/** More than the drain may take. */
const STOP_MS = 30_000;
const REPLY_MS = 2_000;

/** A worker as the admin port shows it. */
export interface Worker {
  readonly slot: string;
  readonly pid?: number;
  readonly state: string;
  readonly restarts: number;
}

export interface CollectorSettings {
  /** The program and its arguments, such as `["src/main.ts", "start", "--config", "file"]`. */
  readonly command: readonly string[];
  readonly dir: string;
  readonly environment: NodeJS.ProcessEnv;
  readonly port: number;
  readonly adminPort: number;
  /** Where its output goes. */
  readonly logFile: string;
  /** Told of what should not have happened to its processes. */
  readonly onMisbehaved: (what: string) => void;
}

/**
 * A collector in processes of its own, which is started again whenever it ends, as a service
 * manager does. While it is told to stop, it is left to end first.
 */
export class CollectorUnderTest implements AsyncDisposable {
  readonly port: number;
  readonly #settings: CollectorSettings;
  readonly #log: WriteStream;
  #child: ChildProcess | undefined;
  #running: Promise<void> | undefined;
  #wanted = false;
  /** The workers as they were seen last, for the time when nobody can be asked. */
  #workers: readonly Worker[] = [];
  #starts = 0;
  /** The last start after which it said that it is ready. */
  #readyStart = 0;
  /** Why the first start failed: then there is no storm. */
  #failure: Error | undefined;

  private constructor(settings: CollectorSettings) {
    this.#settings = settings;
    this.port = settings.port;
    this.#log = createWriteStream(settings.logFile);
  }

  /** Resolves when it is ready. Rejects when it does not get ready. */
  static async start(settings: CollectorSettings): Promise<CollectorUnderTest> {
    const collector = new CollectorUnderTest(settings);
    await collector.startAgain();
    return collector;
  }

  /** How often it was started. */
  get starts(): number {
    return this.#starts;
  }

  /** Process id of the supervisor, or `undefined` between its end and its next start. */
  get pid(): number | undefined {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null ? child.pid : undefined;
  }

  /** Starts it after `stop`, and resolves when it is ready. */
  async startAgain(): Promise<void> {
    this.#wanted = true;
    this.#running = this.#keepRunning();
    await this.isReady(this.#starts);
  }

  /** Resolves when it is ready after start number `start`, or a later one. Rejects when it does not get ready. */
  async isReady(start: number): Promise<void> {
    const deadline = performance.now() + STARTUP_MS;
    while (this.#readyStart < start) {
      if (this.#failure !== undefined) throw this.#failure;
      if (performance.now() > deadline)
        throw new Error(`the collector was not ready within ${STARTUP_MS / 1_000} s; see ${this.#settings.logFile}`);
      await delay(10);
    }
  }

  /**
   * Sends SIGTERM and resolves with the exit code, or the signal that ended it, once all its
   * processes are gone. It is not started again.
   */
  async stop(): Promise<number | NodeJS.Signals | null> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined) return null;
    child.kill("SIGTERM");
    const late = setTimeout(() => {
      this.#settings.onMisbehaved(`it did not end within ${STOP_MS / 1_000} s of SIGTERM`);
      this.killAll();
    }, STOP_MS);
    await this.#running;
    clearTimeout(late);
    return child.exitCode ?? child.signalCode;
  }

  /** Sends a signal to the supervisor. */
  signal(name: NodeJS.Signals): void {
    const { pid } = this;
    if (pid !== undefined) sendSignal(pid, name);
  }

  /** `kill -9` of all processes at once. */
  killAll(): void {
    const pid = this.#child?.pid;
    if (pid !== undefined) sendSignal(-pid, "SIGKILL");
  }

  /** The workers as they are now; those seen last while the supervisor does not answer. */
  async workers(): Promise<readonly Worker[]> {
    try {
      const workers: readonly Worker[] = JSON.parse(await this.#ask("/v1/workers"));
      this.#workers = workers;
    } catch {
      // It is stopped, or starting.
    }
    return this.#workers;
  }

  /** Rejects while the admin port does not answer, as `metrics` does. */
  async ledger(): Promise<LedgerReply> {
    const ledger: LedgerReply = JSON.parse(await this.#ask("/v1/ledger"));
    return ledger;
  }

  /** In Prometheus's text format. */
  metrics(): Promise<string> {
    return this.#ask("/metrics");
  }

  async #ask(path: string): Promise<string> {
    const url = `http://127.0.0.1:${this.#settings.adminPort}${path}`;
    const reply = await fetch(url, { signal: AbortSignal.timeout(REPLY_MS) });
    if (!reply.ok) throw new Error(`${path} answered ${reply.status}`);
    return reply.text();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#wanted = false;
    this.killAll();
    await this.#running;
    this.#log.end();
  }

  async #keepRunning(): Promise<void> {
    while (this.#wanted) {
      await this.#runOnce();
      await this.#orphansEnd();
      if (this.#wanted) await delay(RESTART_DELAY_MS);
    }
  }

  async #runOnce(): Promise<void> {
    const { command, dir, environment } = this.#settings;
    const child = spawn(process.execPath, command, {
      cwd: dir,
      env: { ...process.env, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
      // A process group of its own: it can be killed as a whole, and Ctrl-C is not for it.
      detached: true,
    });
    this.#child = child;
    const start = ++this.#starts;
    const exited = once(child, "exit");
    let said = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.on("data", (chunk: Buffer) => {
        this.#log.write(chunk);
        if (this.#readyStart === start) return;
        said = `${said}${chunk.toString()}`.slice(-2_000);
        if (said.includes("Millrace is ready")) this.#readyStart = start;
      });
    }
    await exited;
    if (this.#readyStart > 0 || !this.#wanted) return;
    this.#wanted = false;
    this.#failure = new Error(`the collector did not start:\n${said.trim()}`);
  }

  /** Waits for the workers that lost their supervisor to end by themselves. */
  async #orphansEnd(): Promise<void> {
    const pids = this.#workers.flatMap(({ pid }) => pid ?? []);
    const deadline = performance.now() + ORPHANS_MS;
    for (;;) {
      const left = pids.filter(isAlive);
      if (left.length === 0) break;
      if (performance.now() > deadline) {
        this.#settings.onMisbehaved(`${left.length} workers outlived their supervisor by ${ORPHANS_MS / 1_000} s`);
        for (const pid of left) sendSignal(pid, "SIGKILL");
      }
      await delay(20);
    }
    this.#workers = [];
  }
}
