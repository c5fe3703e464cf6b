import { type ChildProcess, fork } from "node:child_process";
import { forkOptions } from "./fork-options.ts";

/**
 * A worker's process that is forked before it is known what it will be told, so that it loads
 * its code while its supervisor finds that out. Until it is told it does nothing, and it ends
 * when its supervisor does.
 */
export class EarlyChild implements Disposable {
  #child: ChildProcess | undefined;

  /** What goes wrong here is left to the fork in its place to tell. */
  constructor(entry: URL, env: NodeJS.ProcessEnv, execArgv: readonly string[] = process.execArgv) {
    try {
      this.#child = fork(entry, [], forkOptions(env, execArgv)).on("error", () => {});
    } catch {
      this.#child = undefined;
    }
  }

  /** `undefined` when it was taken or has ended. */
  get pid(): number | undefined {
    const isRunning = this.#child?.exitCode === null && this.#child.signalCode === null;
    return isRunning ? this.#child?.pid : undefined;
  }

  /** The process, for the first who asks; `undefined` when there is none any more. */
  take(): ChildProcess | undefined {
    const child = this.pid === undefined ? undefined : this.#child;
    this.#child = undefined;
    return child;
  }

  /** Ends the process, unless it was taken. */
  [Symbol.dispose](): void {
    this.take()?.kill("SIGKILL");
  }
}
