import type { CollectorUnderTest, Worker } from "./collector-under-test.ts";
import { peakRssBytes } from "./processes.ts";

const LOOK_EVERY_MS = 500;

/** Looks at the collector from outside while a storm goes on. */
export class Monitor implements Disposable {
  readonly peakRssBytes: { supervisor: number | undefined; worker: number | undefined } = {
    supervisor: undefined,
    worker: undefined,
  };
  /** Workers that came after the first ones, whoever ended those. */
  workerRestarts = 0;
  readonly #collector: CollectorUnderTest;
  readonly #onImbalance: () => void;
  readonly #pids = new Map<string, number>();
  readonly #timer: NodeJS.Timeout;
  #looking = false;

  constructor(collector: CollectorUnderTest, onImbalance: () => void) {
    this.#collector = collector;
    this.#onImbalance = onImbalance;
    this.#timer = setInterval(() => void this.#look(), LOOK_EVERY_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  async #look(): Promise<void> {
    if (this.#looking) return;
    this.#looking = true;
    const workers = await this.#collector.workers();
    this.#measure(workers);
    try {
      if (!(await this.#collector.ledger()).balanced) this.#onImbalance();
    } catch {
      // It is stopped, or starting.
    }
    this.#looking = false;
  }

  #measure(workers: readonly Worker[]): void {
    const { pid } = this.#collector;
    if (pid !== undefined) this.#raise("supervisor", peakRssBytes(pid));
    for (const { slot, pid: workerPid } of workers) {
      if (workerPid === undefined) continue;
      this.#raise("worker", peakRssBytes(workerPid));
      const before = this.#pids.get(slot);
      if (before !== undefined && before !== workerPid) this.workerRestarts++;
      this.#pids.set(slot, workerPid);
    }
  }

  #raise(kind: "supervisor" | "worker", bytes: number | undefined): void {
    if (bytes !== undefined) this.peakRssBytes[kind] = Math.max(bytes, this.peakRssBytes[kind] ?? 0);
  }
}
