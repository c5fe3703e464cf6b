import { expect, test } from "vitest";
import { type Clock, systemClock } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import { Supervised, until } from "./supervised-fixture.ts";

const HANG_MS = 1_000;

test("a worker reports when it is ready, is asked, and asks", async () => {
  await using supervised = new Supervised();
  supervised.orders = { atStart: "serve", note: "first" };
  const report = await supervised.run();
  expect(report).toMatchObject({ note: "first" });
  expect(supervised.worker()).toMatchObject({ task: "serve", pid: report.pid, state: "ready", restarts: 0 });
  expect(supervised.worker()?.lastExit).toBeUndefined();
  expect(await supervised.ask({ do: "echo", text: "x".repeat(1_000_000) })).toHaveLength(1_000_000);
  expect(await supervised.ask({ do: "ask", question: new Map([["a", 1n]]) })).toEqual({
    slot: "0",
    question: new Map([["a", 1n]]),
  });
});

test("a question that is refused, cannot be sent, or is not answered in time rejects, and the worker lives", async () => {
  await using supervised = new Supervised();
  const { pid } = await supervised.run();
  await expect(supervised.ask({ do: "refuse" })).rejects.toThrow("not that");
  await expect(supervised.ask({ do: "function" })).rejects.toThrow("could not be cloned");
  await expect(supervised.supervisor.ask("0", () => 1, 5_000)).rejects.toThrow("could not be cloned");
  await expect(supervised.ask({ do: "never" }, "0", 50)).rejects.toThrow("no answer within 50 ms");
  await expect(supervised.ask({ do: "echo", text: "" }, "9")).rejects.toThrow("slot 9 has no worker");
  expect(await supervised.ask({ do: "echo", text: "here" })).toBe("here");
  expect(supervised.worker()?.pid).toBe(pid);
});

test("a question to a worker that starts is answered when it is up", async () => {
  await using supervised = new Supervised();
  supervised.orders = { atStart: "serve", startMs: 300 };
  const running = supervised.run();
  expect(supervised.worker()?.state).toBe("starting");
  expect(await supervised.ask({ do: "echo", text: "at last" })).toBe("at last");
  await running;
});

test("a question is rejected at once when the worker dies", async () => {
  await using supervised = new Supervised();
  const { pid } = await supervised.run();
  const asked = supervised.ask({ do: "never" }, "0", 600_000);
  process.kill(pid, "SIGKILL");
  await expect(asked).rejects.toThrow("the worker has ended");
});

test("a worker that is killed is replaced within a second, and the others are not touched", async () => {
  await using supervised = new Supervised();
  const slots = ["0", "1", "2"];
  const bystander = await supervised.run("bystander");
  const tookMs: number[] = [];
  for (const slot of slots) {
    const { pid } = await supervised.run(slot);
    const killedMs = performance.now();
    process.kill(pid, "SIGKILL");
    await supervised.until("ready", slot, pid);
    tookMs.push(performance.now() - killedMs);
    expect(supervised.worker(slot)).toMatchObject({ restarts: 1, lastExit: "SIGKILL" });
  }
  // One of them at least was not slowed down by other tests.
  expect(Math.min(...tookMs)).toBeLessThan(1_000);
  expect(supervised.worker("bystander")).toMatchObject({ pid: bystander.pid, restarts: 0 });
});

test("what was not the worker's fault is no crash: it was killed, asked to end, or stopped", async () => {
  await using supervised = new Supervised({ hangMs: HANG_MS });
  const first = await supervised.run();
  process.kill(first.pid, "SIGKILL");
  const second = await supervised.until("ready", "0", first.pid);
  process.kill(second.pid ?? 0, "SIGTERM");
  const third = await supervised.until("ready", "0", second.pid);
  const stoppedMs = performance.now();
  process.kill(third.pid ?? 0, "SIGSTOP");
  const fourth = await supervised.until("ready", "0", third.pid);
  expect(performance.now() - stoppedMs).toBeGreaterThanOrEqual(HANG_MS / 2);
  expect(fourth).toMatchObject({ restarts: 3, lastExit: "hang" });
  expect(supervised.crashes.map(({ count }) => count)).toEqual([0, 0, 0, 0]);
});

test("a worker that is busy without end is replaced, and has crashed if it had half a processor for it", async () => {
  const env = { ...process.env, UV_THREADPOOL_SIZE: "12" };
  await using supervised = new Supervised({ hangMs: HANG_MS }, { env });
  const { pid } = await supervised.run();
  supervised.order({ do: "spin" });
  await supervised.until("ready", "0", pid);
  expect(supervised.worker()).toMatchObject({ restarts: 1, lastExit: "hang" });
  const cpuMs = supervised.log.find(({ msg }) => msg.includes("no sign of life"))?.cpuMs ?? 0;
  // With its threads it has several processors' worth to do, and gets some of it however much else runs.
  expect(cpuMs).toBeGreaterThan(50);
  const crashes = { count: 1, lastReason: "hang" };
  expect(supervised.crashes.at(-1)).toMatchObject(cpuMs >= HANG_MS / 2 ? crashes : { count: 0, lastReason: "" });
});

test("a start that takes longer than hangMs is no hang while it shows signs of life", async () => {
  await using supervised = new Supervised({ hangMs: HANG_MS });
  supervised.orders = { atStart: "serve", startMs: 2 * HANG_MS };
  const { pid } = await supervised.run();
  expect(supervised.worker()).toMatchObject({ pid, restarts: 0 });
});

test("crashes at the same place are counted until there is progress", async () => {
  await using supervised = new Supervised();
  let { pid } = await supervised.run();
  const crash = async (how: "throw" | "abort"): Promise<void> => {
    supervised.order({ do: how });
    pid = (await supervised.until("ready", "0", pid)).pid ?? 0;
  };
  await crash("throw");
  await crash("abort");
  expect(supervised.crashes).toEqual([
    { count: 0, byPart: {}, lastReason: "" },
    { count: 1, byPart: { place: 1 }, lastReason: "exit code 1" },
    { count: 2, byPart: { place: 2 }, lastReason: "SIGABRT" },
  ]);
  supervised.orders = { atStart: "serve", progress: "1" };
  await crash("throw");
  await crash("throw");
  expect(supervised.crashes.slice(3).map(({ count }) => count)).toEqual([3, 1]);
});

test("progress between a worker's start and its crash counts as well", async () => {
  await using supervised = new Supervised({ hangMs: 1_000 });
  let { pid } = await supervised.run();
  supervised.order({ do: "throw" });
  pid = (await supervised.until("ready", "0", pid)).pid ?? 0;
  await supervised.ask({ do: "progress", to: "1" });
  // It is told with the next sign of life, of which there are five in a second.
  await new Promise((resolve) => setTimeout(resolve, 600));
  supervised.order({ do: "throw" });
  await supervised.until("ready", "0", pid);
  expect(supervised.crashes.map(({ count }) => count)).toEqual([0, 1, 1]);
});

test("a worker that ends in order without being asked is replaced at once, and is no crash", async () => {
  await using supervised = new Supervised({ maxRestarts: 1 });
  let { pid } = await supervised.run();
  for (const deed of ["exit_in_order", "exit_0", "exit_0"] as const) {
    supervised.order({ do: deed });
    pid = (await supervised.until("ready", "0", pid)).pid ?? 0;
    expect(supervised.worker()?.lastExit).toBe("exit code 0");
  }
  expect(supervised.log.find(({ msg }) => msg.includes("being replaced"))).toMatchObject({ delayMs: 0 });
  expect(supervised.ended.map(({ lastWords }) => lastWords)).toEqual(["of my own", undefined, undefined]);
  expect(supervised.crashes.at(-1)?.count).toBe(0);
  expect(supervised.supervisor.hopeless).toBe(false);
});

test("a worker that does not end after its last words is killed, and that is no crash", async () => {
  await using supervised = new Supervised();
  const { pid } = await supervised.run();
  supervised.order({ do: "linger" });
  await supervised.until("ready", "0", pid);
  expect(supervised.worker()?.lastExit).toBe("exit code 0");
  expect(supervised.ended).toEqual([{ slot: "0", lastWords: "lingering" }]);
  expect(supervised.crashes.at(-1)?.count).toBe(0);
});

test("a first start that fails for a reason to be mended rejects with its code, and is not tried again", async () => {
  await using supervised = new Supervised();
  supervised.orders = { atStart: "fail" };
  const failed = supervised.run();
  await expect(failed).rejects.toBeInstanceOf(MillraceError);
  await expect(failed).rejects.toMatchObject({ code: "port_unavailable", message: "the port is taken" });
  expect(supervised.supervisor.workers()).toEqual([]);
  expect(supervised.crashes).toHaveLength(1);
  supervised.orders = { atStart: "serve" };
  await supervised.run();
});

test("a later start that fails is tried again with what is to be told then, and is no crash", async () => {
  await using supervised = new Supervised();
  const { pid } = await supervised.run();
  supervised.orders = { atStart: "fail" };
  process.kill(pid, "SIGKILL");
  await until(() => supervised.worker()?.lastExit === "port_unavailable");
  supervised.orders = { atStart: "serve", note: "mended" };
  await supervised.until("ready", "0", pid);
  expect(supervised.log.find(({ msg }) => msg === "the worker is back")).toMatchObject({ slot: "0" });
  expect(supervised.crashes.at(-1)?.count).toBe(0);
});

test("a first start that crashes is tried again until it works", async () => {
  await using supervised = new Supervised();
  supervised.orders = { atStart: "throw" };
  const running = supervised.run();
  await until(() => supervised.crashes.length === 2);
  supervised.orders = { atStart: "serve" };
  const { pid } = await running;
  expect(supervised.worker()).toMatchObject({ state: "ready", pid, lastExit: "exit code 1" });
  expect(supervised.crashes[1]).toMatchObject({ count: 1, lastReason: "exit code 1" });
});

test("a worker that cannot be told how to start is retried, and the supervisor lives", async () => {
  let starts = 0;
  await using supervised = new Supervised(
    {},
    {
      startMessage: () => {
        starts++;
        if (starts === 1) throw new Error("no settings yet");
        return starts === 2 ? () => "cannot be sent" : { atStart: "serve" };
      },
    },
  );
  await supervised.run();
  expect(starts).toBe(3);
  expect(supervised.worker()).toMatchObject({ state: "ready", restarts: 2, lastExit: "SIGKILL" });
});

test("when every serving worker exceeded its restart intensity there is no hope, which is logged once for each", async () => {
  await using supervised = new Supervised({ maxRestarts: 1 });
  for (const slot of ["0", "1"]) await supervised.run(slot);
  await supervised.run("2", "empty");
  supervised.orders = { atStart: "throw" };
  const crash = async (slot: string): Promise<void> => {
    supervised.order({ do: "throw" }, slot);
    await until(() => (supervised.worker(slot)?.restarts ?? 0) > 0 && supervised.worker(slot)?.state === "waiting");
  };
  await crash("0");
  expect(supervised.supervisor.hopeless).toBe(false);
  await crash("1");
  expect(supervised.supervisor.hopeless).toBe(true);
  expect(supervised.worker("2")?.state).toBe("emptying");
  const exceeded = supervised.log.filter(({ msg }) => msg.startsWith("a worker keeps dying"));
  expect(exceeded.map(({ slot, level }) => [slot, level])).toEqual([
    ["0", 50],
    ["1", 50],
  ]);
  const delays = supervised.log.filter(({ slot, delayMs }) => slot === "0" && delayMs !== undefined);
  expect(delays.map(({ delayMs }) => delayMs)).toEqual([0, 22_500]);
});

test("a worker that works again after it kept dying gives hope, and its error was logged once", async () => {
  const impatient: Clock = {
    ...systemClock,
    after: (delayMs, run) => systemClock.after(delayMs > 10_000 ? 0 : delayMs, run),
  };
  await using supervised = new Supervised({ maxRestarts: 1, hangMs: 0 }, { clock: impatient });
  supervised.orders = { atStart: "throw" };
  const running = supervised.run();
  await until(() => supervised.crashes.length === 4);
  expect(supervised.supervisor.hopeless).toBe(true);
  supervised.orders = { atStart: "serve" };
  await running;
  expect(supervised.supervisor.hopeless).toBe(false);
  expect(supervised.log.filter(({ msg }) => msg.startsWith("a worker keeps dying"))).toHaveLength(1);
});

test("a worker that empties its slot ends for good with exit code 0, and is restarted when it dies", async () => {
  await using supervised = new Supervised();
  const { pid } = await supervised.run("9", "empty");
  expect(supervised.worker("9")).toMatchObject({ task: "empty", state: "emptying" });
  process.kill(pid, "SIGKILL");
  supervised.orders = { atStart: "finish" };
  await until(() => supervised.supervisor.workers().length === 0);
  expect(supervised.ended).toEqual([
    { slot: "9", lastWords: undefined },
    { slot: "9", lastWords: "empty" },
  ]);
  supervised.orders = { atStart: "exit_0" };
  expect(await supervised.run("9", "empty")).toBeUndefined();
});

test("a slot cannot have two workers", async () => {
  await using supervised = new Supervised();
  await supervised.run();
  await expect(supervised.run()).rejects.toThrow("slot 0 has a worker already");
});
