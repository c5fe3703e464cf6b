import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";

const STARTUP_MS = 20_000;

/** Kept of what it prints, for the words of a failure. */
const MAX_LINES = 100;

/** A process under measurement: what it said when it was ready, its pid, and how to stop it. */
export interface Child extends AsyncDisposable {
  readonly pid: number;
  /** The first line of its standard output that matched. */
  readonly firstLine: string;
}

/** Starts a program and waits for the line that says it is ready. */
export async function startChild(
  command: string,
  args: readonly string[],
  ready: RegExp,
  env = process.env,
  cwd?: string,
): Promise<Child> {
  const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"], env, ...(cwd === undefined ? {} : { cwd }) });
  const firstLine = await readyLine(child, ready).catch((error: unknown) => {
    child.kill("SIGKILL");
    throw error;
  });
  return {
    pid: child.pid ?? 0,
    firstLine,
    async [Symbol.asyncDispose]() {
      if (child.exitCode !== null || child.signalCode !== null) return;
      const exited = once(child, "exit");
      child.kill("SIGTERM");
      const timer = setTimeout(() => child.kill("SIGKILL"), 15_000);
      await exited;
      clearTimeout(timer);
    },
  };
}

function readyLine(child: ChildProcess, ready: RegExp): Promise<string> {
  return new Promise((resolve, reject) => {
    const seen: string[] = [];
    const timer = setTimeout(
      () => reject(new Error(`not ready after ${STARTUP_MS} ms:\n${seen.join("\n")}`)),
      STARTUP_MS,
    );
    const read = (line: string): void => {
      if (seen.length < MAX_LINES) seen.push(line);
      if (!ready.test(line)) return;
      clearTimeout(timer);
      resolve(line);
    };
    for (const stream of [child.stdout, child.stderr]) if (stream !== null) createInterface(stream).on("line", read);
    child.on("error", reject);
    child.on("exit", (code) => reject(new Error(`ended with code ${code} before it was ready:\n${seen.join("\n")}`)));
  });
}
