import { expect, test } from "vitest";
import { isAlive, Supervised, until } from "./supervised-fixture.ts";

const LONG_MS = 600_000;

test("workers that serve and that empty end with their last words", async () => {
  await using supervised = new Supervised();
  const pids = [(await supervised.run("0")).pid, (await supervised.run("1", "empty")).pid];
  const drained = supervised.supervisor.drain(LONG_MS);
  expect(supervised.supervisor.workers().map(({ state }) => state)).toEqual(["draining", "draining"]);
  await drained;
  expect(supervised.supervisor.workers()).toEqual([]);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(supervised.ended.toSorted((a, b) => a.slot.localeCompare(b.slot))).toEqual([
    { slot: "0", lastWords: "drained" },
    { slot: "1", lastWords: "drained" },
  ]);
});

test("a worker that is starting ends as well, and whoever waits for it is told", async () => {
  await using supervised = new Supervised();
  const running = supervised.run();
  await supervised.supervisor.drain(LONG_MS);
  expect(await running).toBeUndefined();
  expect(supervised.ended).toEqual([{ slot: "0", lastWords: "drained" }]);
});

test("a worker that waits to be restarted is not", async () => {
  await using supervised = new Supervised();
  supervised.orders = { atStart: "throw" };
  const running = supervised.run();
  running.catch(() => {});
  await until(() => supervised.worker()?.restarts === 2 && supervised.worker()?.state === "waiting");
  await supervised.supervisor.drain(LONG_MS);
  await expect(running).rejects.toThrow("was stopped before it was ready");
  expect(supervised.supervisor.workers()).toEqual([]);
  // It would have been restarted after 150 ms.
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect(supervised.crashes).toHaveLength(3);
});

test("a worker that dies while it drains is not replaced", async () => {
  await using supervised = new Supervised();
  supervised.orders = { atStart: "serve", onDrain: "throw" };
  await supervised.run();
  await supervised.supervisor.drain(LONG_MS);
  expect(supervised.ended).toEqual([{ slot: "0", lastWords: undefined }]);
  expect(supervised.log.map(({ msg }) => msg)).toEqual(["a worker died while it was stopping"]);
});

test("a worker that does not end in time is killed", async () => {
  await using supervised = new Supervised();
  await supervised.run("0");
  supervised.orders = { atStart: "serve", onDrain: "ignore" };
  const { pid } = await supervised.run("1");
  supervised.orders = { atStart: "never_ready", onDrain: "ignore" };
  const starting = supervised.run("2");
  starting.catch(() => {});
  await supervised.supervisor.drain(300);
  await expect(starting).rejects.toThrow("was stopped before it was ready");
  expect(isAlive(pid)).toBe(false);
  expect(supervised.supervisor.workers()).toEqual([]);
  expect(supervised.log).toMatchObject([{ slots: ["1", "2"], msg: "workers that did not end in time are killed" }]);
});

test("a stopped worker is killed when the time is up", async () => {
  await using supervised = new Supervised();
  const { pid } = await supervised.run();
  process.kill(pid, "SIGSTOP");
  await supervised.supervisor.drain(100);
  expect(isAlive(pid)).toBe(false);
});

test("twice waits for the same end, and the earlier deadline counts", async () => {
  await using supervised = new Supervised();
  supervised.orders = { atStart: "serve", onDrain: "ignore" };
  await supervised.run();
  const first = supervised.supervisor.drain(LONG_MS);
  await supervised.supervisor.drain(50);
  await first;
  await supervised.supervisor.drain(LONG_MS);
  expect(supervised.supervisor.workers()).toEqual([]);
});

test("killAll ends all at once, and none is started any more", async () => {
  await using supervised = new Supervised();
  supervised.orders = { atStart: "serve", onDrain: "ignore" };
  const pids = [(await supervised.run("0")).pid, (await supervised.run("1")).pid];
  supervised.supervisor.killAll();
  await until(() => supervised.supervisor.workers().length === 0);
  expect(pids.filter(isAlive)).toEqual([]);
  expect(supervised.crashes).toHaveLength(2);
  await expect(supervised.run("2")).rejects.toThrow("the supervisor is stopping its workers");
});
