import { setTimeout as delay } from "node:timers/promises";
import type { Fault } from "../fault.ts";
import { isAlive, sendSignal } from "../processes.ts";
import { sharedClockMs } from "../shared-clock.ts";
import type { Targets } from "../targets.ts";

/** How long a drain is left to work on a stream that is down before the next thing happens. */
const DOWN_BEFORE_STOP_MS = 1_000;
/** How much later than the fault's end a worker that hangs may be killed, by a supervisor that gets no processor. */
const KILLED_LATE_MS = 15_000;
/** For the collector to take up a file that was changed. */
const RELOAD_MS = 1_000;

/** What happens to the collector's processes. */
export const PROCESS_FAULTS: readonly Fault[] = [
  {
    name: "kill-worker",
    lanes: ["process"],
    weight: 3,
    lengthMs: [0, 0],
    isBlow: true,
    meaning: "kill -9 of a worker",
    async begin(targets, random) {
      const worker = await pickWorker(targets, random);
      sendSignal(worker.pid, "SIGKILL");
      return { detail: `slot ${worker.slot}`, workerEndMs: sharedClockMs() };
    },
  },
  {
    name: "kill-supervisor",
    lanes: ["process"],
    weight: 2,
    lengthMs: [3_000, 6_000],
    isBlow: true,
    meaning: "kill -9 of the supervisor; its workers end, and it is started again",
    async begin({ collector }) {
      const { starts } = collector;
      collector.signal("SIGKILL");
      return { end: () => collector.isReady(starts + 1) };
    },
  },
  {
    name: "kill-all",
    lanes: ["process"],
    weight: 1,
    lengthMs: [2_000, 5_000],
    isBlow: true,
    meaning: "kill -9 of all processes at once, as when memory runs out",
    async begin({ collector }) {
      const { starts } = collector;
      collector.killAll();
      return { workerEndMs: sharedClockMs(), end: () => collector.isReady(starts + 1) };
    },
  },
  {
    name: "stop-worker",
    lanes: ["process"],
    weight: 2,
    lengthMs: [300, 2_000],
    meaning: "SIGSTOP of a worker, for less than supervisor.hangMs",
    begin: (targets, random) => stopWorker(targets, random, { isKilled: false }),
  },
  {
    name: "stop-worker-long",
    lanes: ["process"],
    weight: 1,
    lengthMs: [4_500, 7_000],
    meaning: "SIGSTOP of a worker, for more than supervisor.hangMs: it is killed and replaced",
    begin: (targets, random) => stopWorker(targets, random, { isKilled: true }),
  },
  {
    name: "stop-supervisor",
    lanes: ["process"],
    weight: 1,
    lengthMs: [1_000, 6_000],
    meaning: "SIGSTOP of the supervisor",
    async begin({ collector }) {
      collector.signal("SIGSTOP");
      return { end: async () => collector.signal("SIGCONT") };
    },
  },
  {
    name: "restart",
    lanes: ["process"],
    weight: 2,
    lengthMs: [4_000, 6_000],
    isBlow: true,
    meaning: "SIGTERM, and a new start once all has ended, as in a rolling deployment",
    begin: restart,
  },
  {
    name: "restart-sink-down",
    lanes: ["process", "sink"],
    weight: 1,
    lengthMs: [7_000, 10_000],
    isBlow: true,
    meaning: "SIGTERM while the stream is down, and a new start while it still is",
    async begin(targets) {
      await targets.stream.down();
      await delay(DOWN_BEFORE_STOP_MS);
      const begun = await restart(targets);
      return { ...begun, end: () => targets.stream.up() };
    },
  },
  {
    name: "reload",
    lanes: ["process"],
    weight: 1,
    lengthMs: [2_000, 4_000],
    meaning: "SIGHUP with a configuration that replaces a sink, and back",
    async begin({ collector, configFile }) {
      await configFile.writeChanged();
      collector.signal("SIGHUP");
      return {
        async end() {
          await configFile.restore();
          collector.signal("SIGHUP");
        },
      };
    },
  },
  {
    name: "reload-invalid",
    lanes: ["process"],
    weight: 1,
    lengthMs: [RELOAD_MS, 2 * RELOAD_MS],
    meaning: "SIGHUP with a configuration that is not valid; the old one must stay",
    async begin({ collector, configFile }) {
      await configFile.writeInvalid();
      collector.signal("SIGHUP");
      return { end: () => configFile.restore() };
    },
  },
];

async function pickWorker({ collector }: Targets, random: () => number): Promise<{ slot: string; pid: number }> {
  const deadline = performance.now() + 10_000;
  for (;;) {
    const running = (await collector.workers()).flatMap(({ slot, pid }) =>
      pid !== undefined && isAlive(pid) ? [{ slot, pid }] : [],
    );
    const worker = running[Math.floor(random() * running.length)];
    if (worker !== undefined) return worker;
    if (performance.now() > deadline) throw new Error("no worker was running for 10 s");
    await delay(50);
  }
}

/** @param options.isKilled it is to stand still for so long that the supervisor kills it */
async function stopWorker(
  targets: Targets,
  random: () => number,
  { isKilled }: { readonly isKilled: boolean },
): ReturnType<Fault["begin"]> {
  const { slot, pid } = await pickWorker(targets, random);
  sendSignal(pid, "SIGSTOP");
  const stoppedMs = sharedClockMs();
  return {
    detail: `slot ${slot}`,
    // Standing still it acknowledges nothing: if it is killed, it is as if it had been when it was stopped.
    get workerEndMs() {
      return isAlive(pid) ? undefined : stoppedMs;
    },
    async end() {
      const deadline = performance.now() + KILLED_LATE_MS;
      if (isKilled) while (isAlive(pid) && performance.now() < deadline) await delay(20);
      const wasSpared = isAlive(pid);
      sendSignal(pid, "SIGCONT");
      if (isKilled && wasSpared) throw new Error(`the worker of slot ${slot} stood still and was not killed`);
    },
  };
}

async function restart({ collector }: Targets): ReturnType<Fault["begin"]> {
  const { exitCode } = await collector.stop();
  await collector.startAgain();
  return { detail: `exit code ${exitCode}` };
}
