import { readFileSync } from "node:fs";
import { setInterval } from "node:timers";
import { descendantsOf } from "../../test/kit/process-tree.ts";

const SAMPLE_MS = 250;

export interface MemoryPeaks {
  /** Largest sum over the processes of the collector at one moment. */
  readonly treeBytes: number;
  /** Largest of a single process. */
  readonly processBytes: number;
}

/**
 * Samples the resident memory of a process and its descendants four times a second. Pages that
 * processes share, such as those of the program itself, count in each. Linux only.
 */
export class MemoryWatch implements Disposable {
  readonly #pids = new Set<number>();
  readonly #timer: NodeJS.Timeout;
  #treeBytes = 0;
  #processBytes = 0;

  constructor() {
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  /** Watches one more process and what it starts. */
  add(pid: number): void {
    this.#pids.add(pid);
  }

  get peaks(): MemoryPeaks {
    return { treeBytes: this.#treeBytes, processBytes: this.#processBytes };
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  #sample(): void {
    for (const pid of this.#pids) {
      const each = [pid, ...descendantsOf(pid)].map((one) => residentBytes(one));
      this.#treeBytes = Math.max(
        this.#treeBytes,
        each.reduce((sum, bytes) => sum + bytes, 0),
      );
      this.#processBytes = Math.max(this.#processBytes, ...each);
    }
  }
}

/** Resident memory of a process now; 0 when it is gone. Linux only. */
export function residentBytes(pid: number): number {
  try {
    return Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
