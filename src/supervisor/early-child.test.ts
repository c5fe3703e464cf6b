import { expect, test } from "vitest";
import { EarlyChild } from "./early-child.ts";
import { isAlive, Supervised, until, WORKER_FIXTURE } from "./supervised-fixture.ts";

test("a process that was forked early is the first worker, and no other", async () => {
  using earlyChild = new EarlyChild(WORKER_FIXTURE, process.env, []);
  const { pid } = earlyChild;
  await using supervised = new Supervised({}, { earlyChild });
  expect((await supervised.run("0")).pid).toBe(pid);
  expect((await supervised.run("1")).pid).not.toBe(pid);
});

test("one that has died meanwhile is replaced", async () => {
  using earlyChild = new EarlyChild(WORKER_FIXTURE, process.env, []);
  const { pid = 0 } = earlyChild;
  process.kill(pid, "SIGKILL");
  await until(() => earlyChild.pid === undefined);
  await using supervised = new Supervised({}, { earlyChild });
  expect((await supervised.run()).pid).not.toBe(pid);
});

test("one that nobody took ends", async () => {
  let pid = 0;
  {
    using earlyChild = new EarlyChild(WORKER_FIXTURE, process.env, []);
    pid = earlyChild.pid ?? 0;
    expect(isAlive(pid)).toBe(true);
  }
  await until(() => !isAlive(pid));
});

test("where no process can be forked, that is left to the worker's own start", () => {
  using earlyChild = new EarlyChild(new URL("https://example.com/no-file"), process.env, []);
  expect(earlyChild.take()).toBeUndefined();
});
