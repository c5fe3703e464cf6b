import { pino } from "pino";
import { expect } from "vitest";
import { systemClock } from "../core/clock.ts";
import { supervisorConfig } from "./config.ts";
import type { Crashes } from "./crash-record.ts";
import { Supervisor, type SupervisorOptions, type WorkerSpec, type WorkerStatus } from "./supervisor.ts";
import type { Deed, Orders } from "./worker-fixture.ts";

const WITHIN_MS = 15_000;
export const WORKER_FIXTURE = new URL("./worker-fixture.ts", import.meta.url);

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly slot?: string;
  readonly delayMs?: number;
  readonly cpuMs?: number;
}

export interface WorkerReport {
  readonly pid: number;
  readonly note?: string;
}

/** A supervisor with workers that do what a test tells them; its processes are gone when it goes out of scope. */
export class Supervised implements AsyncDisposable {
  readonly supervisor: Supervisor;
  /** What workers are told; may be changed between starts. */
  orders: Orders = { atStart: "serve" };
  readonly log: LogLine[] = [];
  /** What was known of crashes at each start, the oldest first. */
  readonly crashes: Crashes[] = [];
  readonly ended: { readonly slot: string; readonly lastWords: unknown }[] = [];

  constructor(
    config: { maxRestarts?: number; withinMs?: number; hangMs?: number } = {},
    options: Partial<SupervisorOptions> = {},
  ) {
    this.supervisor = new Supervisor({
      entry: WORKER_FIXTURE,
      config: supervisorConfig.parse(config),
      clock: systemClock,
      log: pino({}, { write: (line: string) => this.log.push(JSON.parse(line) as LogLine) }),
      random: () => 0.5,
      startMessage: (_spec, crashes) => {
        this.crashes.push(crashes);
        return this.orders;
      },
      onQuestion: (slot, question) => Promise.resolve({ slot, question }),
      onEnded: ({ slot }, lastWords) => this.ended.push({ slot, lastWords }),
      execArgv: [],
      ...options,
    });
  }

  async run(slot = "0", task: WorkerSpec["task"] = "serve"): Promise<WorkerReport> {
    return (await this.supervisor.run({ slot, task })) as WorkerReport;
  }

  ask(deed: Deed, slot = "0", timeoutMs = 5_000): Promise<unknown> {
    return this.supervisor.ask(slot, deed, timeoutMs);
  }

  /** Has a worker do something that it does not answer to. */
  order(deed: Deed, slot = "0"): void {
    this.ask(deed, slot).catch(() => {});
  }

  worker(slot = "0"): WorkerStatus | undefined {
    return this.supervisor.workers().find((worker) => worker.slot === slot);
  }

  /** Polls until the worker is in that state, with another process than the given one. */
  async until(state: WorkerStatus["state"], slot = "0", butNotPid?: number): Promise<WorkerStatus> {
    let found: WorkerStatus | undefined;
    await until(() => {
      found = this.worker(slot);
      return found?.state === state && found.pid !== butNotPid;
    });
    if (found === undefined) throw new Error("it was found");
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.supervisor.killAll();
    await until(() => this.supervisor.workers().length === 0);
  }
}

/** Polls until the condition holds. */
export async function until(condition: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + WITHIN_MS;
  while (!condition()) {
    expect(performance.now(), `not true within ${WITHIN_MS} ms: ${condition.toString()}`).toBeLessThan(deadlineMs);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** Whether a process is there, a zombie aside. */
export function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
}
