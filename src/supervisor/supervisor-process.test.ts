import { type ChildProcess, fork, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { isAlive, until, WORKER_FIXTURE } from "./supervised-fixture.ts";
import type { WorkerStatus } from "./supervisor.ts";

const SUPERVISOR_FIXTURE = fileURLToPath(new URL("./supervisor-fixture.ts", import.meta.url));

/** A supervisor that is a process of its own. */
class SupervisorProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  output = "";
  errors = "";

  private constructor(child: ChildProcess) {
    this.#child = child;
    child.stdout?.on("data", (chunk: Buffer) => {
      this.output += chunk.toString();
    });
    child.stderr?.on("data", (chunk: Buffer) => {
      this.errors += chunk.toString();
    });
  }

  static async start(options: readonly string[] = []): Promise<SupervisorProcess> {
    const supervisor = new SupervisorProcess(
      // Few files, so that a test can use them up.
      spawn("sh", ["-c", 'ulimit -n 128; exec "$@"', "sh", process.execPath, ...options, SUPERVISOR_FIXTURE], {
        stdio: ["ignore", "pipe", "pipe"],
      }),
    );
    await until(() => supervisor.output.includes("\n"));
    return supervisor;
  }

  /** By its last line. */
  get worker(): WorkerStatus {
    const line = this.output.split("\n").findLast((each) => each.startsWith("[") && each.endsWith("]")) ?? "[]";
    const [worker] = JSON.parse(line) as WorkerStatus[];
    if (worker === undefined) throw new Error("it has a worker");
    return worker;
  }

  signal(name: NodeJS.Signals): void {
    this.#child.kill(name);
  }

  /** Resolves when nobody writes to its output any more, its worker neither. */
  async closed(): Promise<void> {
    await once(this.#child, "close", { signal: AbortSignal.timeout(10_000) });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { pid } = this.worker;
    this.signal("SIGKILL");
    if (pid !== undefined && isAlive(pid)) process.kill(pid, "SIGKILL");
    await until(() => this.#child.signalCode !== null || this.#child.exitCode !== null);
  }
}

function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}

test("when the supervisor is killed its worker hears it, and ends", async () => {
  await using supervisor = await SupervisorProcess.start();
  const { pid = 0 } = supervisor.worker;
  supervisor.signal("SIGKILL");
  await supervisor.closed();
  expect(supervisor.output).toMatch(/orphaned\n$/);
  await until(() => !isAlive(pid));
});

test("a supervisor that was stopped does not take the silence for a hang, whether its worker was stopped too or not", async () => {
  await using supervisor = await SupervisorProcess.start();
  const { pid = 0 } = supervisor.worker;
  supervisor.signal("SIGSTOP");
  await pause(2_500);
  supervisor.signal("SIGCONT");
  await pause(1_500);
  process.kill(pid, "SIGSTOP");
  supervisor.signal("SIGSTOP");
  await pause(2_500);
  supervisor.signal("SIGCONT");
  await pause(300);
  process.kill(pid, "SIGCONT");
  await pause(1_500);
  expect(supervisor.worker).toMatchObject({ pid, restarts: 0, state: "ready" });
});

test("a supervisor that cannot start a process for a while lives, and tries again", async () => {
  await using supervisor = await SupervisorProcess.start();
  const { pid } = supervisor.worker;
  supervisor.signal("SIGUSR2");
  await until(() => supervisor.worker.lastExit === "EMFILE");
  await until(() => supervisor.worker.state === "ready");
  expect(supervisor.worker.pid).not.toBe(pid);
});

test("a debugger of the supervisor is not its workers'", async () => {
  await using supervisor = await SupervisorProcess.start(["--inspect=127.0.0.1:0"]);
  supervisor.signal("SIGKILL");
  await supervisor.closed();
  expect(supervisor.errors.match(/Debugger listening|[Ii]nspector/g)).toEqual(["Debugger listening"]);
});

test("a worker whose supervisor is gone before it says anything exits", async () => {
  const child = fork(WORKER_FIXTURE, { serialization: "advanced", execArgv: [] });
  child.disconnect();
  const [code] = (await once(child, "exit")) as [number];
  expect(code).toBe(0);
});

test("a worker that nobody forked says who starts it", () => {
  const { status, stderr } = spawnSync(process.execPath, [fileURLToPath(WORKER_FIXTURE)], { encoding: "utf8" });
  expect(status).toBe(1);
  expect(stderr).toContain("this program is a worker: its supervisor starts it");
});
