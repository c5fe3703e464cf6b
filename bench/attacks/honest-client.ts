import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { Latencies } from "../kit/numbered-load.ts";

/** How it went for the honest client in a stretch of time. */
export interface HonestFigures extends Latencies {
  readonly requests: number;
  /** Not answered 201. */
  readonly failed: number;
  /** Requests over a connection of their own. */
  readonly newcomers: number;
  readonly newcomersFailed: number;
  readonly newcomersMaxMs: number;
  /** Of the first failures. */
  readonly words: readonly string[];
}

const REPLY_MS = 30_000;

/** The client that must not notice the attacks. */
export class HonestClient implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  static async start(url: string, key: string, env: NodeJS.ProcessEnv = {}): Promise<HonestClient> {
    const entry = path.join(import.meta.dirname, "honest-client-process.ts");
    const child = fork(entry, [url, key], { env: { ...process.env, ...env } });
    await once(child, "message", { signal: AbortSignal.timeout(REPLY_MS) });
    return new HonestClient(child);
  }

  /** What happened since this was asked last. */
  async take(): Promise<HonestFigures> {
    const reply = once(this.#child, "message", { signal: AbortSignal.timeout(REPLY_MS) });
    this.#child.send("take");
    const [figures] = (await reply) as [HonestFigures];
    return figures;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}
