import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, type WriteStream } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { ERROR_CODES, MillraceError } from "../core/errors.ts";
import { isGroupAlive, sendSignal } from "./processes.ts";
import type { LedgerReply } from "./verdict.ts";

/** Sooner than systemd's default of 100 ms nothing restarts a service. */
const RESTART_DELAY_MS = 100;
const STARTUP_MS = 60_000;
/** How long workers may outlive their supervisor. They finish requests, save and go. */
const ORPHANS_MS = 15_000;
/** More than the drain may take. */
const STOP_MS = 30_000;
const REPLY_MS = 2_000;
/** For processes that were killed to be gone. */
const KILLED_MS = 5_000;

/** A worker as the admin port shows it. */
export interface Worker {
  readonly slot: string;
  readonly pid?: number;
  readonly state: string;
  readonly restarts: number;
}

/** How it ended after SIGTERM. */
export interface Stopped {
  readonly exitCode: number | NodeJS.Signals | null;
  /** Events acknowledged as received that it could not keep, as it counted them before; `undefined` when it did not say. */
  readonly receivedNotKept: number | undefined;
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
   * Sends SIGTERM and resolves with how it ended, once all its processes are gone. It is not
   * started again. Its exit code has to be 0, or 1 when it knew of events that it lost.
   */
  async stop(): Promise<Stopped> {
    this.#wanted = false;
    const child = this.#child;
    if (child === undefined) return { exitCode: null, receivedNotKept: undefined };
    const { onMisbehaved } = this.#settings;
    const receivedNotKept = await this.#receivedNotKept();
    child.kill("SIGTERM");
    const late = setTimeout(() => {
      onMisbehaved(`it did not end within ${STOP_MS / 1_000} s of SIGTERM`);
      this.killAll();
    }, STOP_MS);
    await this.#running;
    clearTimeout(late);
    const exitCode = child.exitCode ?? child.signalCode;
    const lost = receivedNotKept ?? 0;
    if (exitCode !== 0 && !(exitCode === 1 && lost > 0))
      onMisbehaved(`after SIGTERM it ended with ${exitCode}, having lost ${lost} events at received`);
    return { exitCode, receivedNotKept };
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

  /** Rejects while the admin port does not answer. */
  async ledger(): Promise<LedgerReply> {
    const ledger: LedgerReply = JSON.parse(await this.#ask("/v1/ledger"));
    return ledger;
  }

  async #receivedNotKept(): Promise<number | undefined> {
    try {
      const metrics = await this.#ask("/metrics");
      const samples = metrics.matchAll(/^millrace_ingest_lost_events_total(?:\{[^}]*\})? (\d+)/gm);
      return [...samples].reduce((sum, [, value]) => sum + Number(value), 0);
    } catch {
      return undefined;
    }
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
      const group = await this.#runOnce();
      if (group !== undefined) await this.#orphansEnd(group);
      if (this.#wanted) await delay(RESTART_DELAY_MS);
    }
  }

  /** Resolves with the group of its processes once the supervisor has ended. */
  async #runOnce(): Promise<number | undefined> {
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
    if (!this.#wanted) return child.pid;
    const failure = this.#readyStart === start ? undefined : startFailure(said.trim());
    if (this.#readyStart === 0) {
      this.#wanted = false;
      this.#failure = failure;
    } else if (child.signalCode !== "SIGKILL" && !(failure instanceof MillraceError)) {
      // Faults end it with SIGKILL, and on a broken disk a start may fail, saying so; nothing else may end it.
      const what = failure === undefined ? "the supervisor ended by itself" : "a start failed";
      this.#settings.onMisbehaved(`${what} with ${child.exitCode ?? child.signalCode}`);
    }
    return child.pid;
  }

  /** Waits for the workers that lost their supervisor to end by themselves. */
  async #orphansEnd(group: number): Promise<void> {
    if (!(await isGone(group, ORPHANS_MS))) {
      this.#settings.onMisbehaved(`workers outlived their supervisor by ${ORPHANS_MS / 1_000} s`);
      sendSignal(-group, "SIGKILL");
      await isGone(group, KILLED_MS);
    }
    this.#workers = [];
  }
}

/** Waits until a group has no process, and says whether it came to that. */
async function isGone(group: number, withinMs: number): Promise<boolean> {
  const deadline = performance.now() + withinMs;
  while (isGroupAlive(group)) {
    if (performance.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/** A problem that the collector tells with its code is that of whoever runs the storm; anything else is a bug. */
function startFailure(said: string): Error {
  const message = `the collector did not start:\n${said}`;
  const code = ERROR_CODES.find((each) => said.includes(`(${each})`));
  return code === undefined ? new Error(message) : new MillraceError(code, message);
}
