import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

const REPLY_MS = 30_000;

/** A destination in a process of its own, which says something when it is ready and answers each command with one message. */
export class SinkProcess<Command extends object | string, Reply> implements AsyncDisposable {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** @param program a file of this folder. Resolves with what it said first. */
  static async start<Command extends object | string, Reply>(
    program: string,
    args: readonly string[] = [],
  ): Promise<{ readonly ready: unknown; readonly sink: SinkProcess<Command, Reply> }> {
    const child = fork(path.join(import.meta.dirname, program), args, { serialization: "advanced" });
    const ready = await replyOf(child);
    return { ready, sink: new SinkProcess(child) };
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** One command at a time. */
  async tell(command: Command): Promise<Reply> {
    const reply = replyOf(this.#child);
    this.#child.send(command);
    return (await reply) as Reply;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

async function replyOf(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const timeout = AbortSignal.any([AbortSignal.timeout(REPLY_MS), ended.signal]);
  const onExit = (code: number | null): void => ended.abort(new Error(`the sink ended with code ${code}`));
  child.once("exit", onExit);
  try {
    const [reply] = (await once(child, "message", { signal: timeout })) as [unknown];
    return reply;
  } finally {
    child.off("exit", onExit);
  }
}
