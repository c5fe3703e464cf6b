import { expect, test } from "vitest";
import { SerialQueue } from "./serial-queue.ts";

test("jobs run one at a time, in order, and a failure does not stop the next", async () => {
  const queue = new SerialQueue();
  const seen: string[] = [];
  const job = (name: string) => async () => {
    seen.push(`${name} starts`);
    await Promise.resolve();
    seen.push(`${name} ends`);
    if (name === "a") throw new Error("a failed");
  };
  const [a, b] = await Promise.allSettled([queue.run(job("a")), queue.run(job("b"))]);
  expect([a.status, b.status]).toEqual(["rejected", "fulfilled"]);
  expect(seen).toEqual(["a starts", "a ends", "b starts", "b ends"]);
});

test("an aborted caller gets out at once; its waiting job never runs, its running one is waited for", async () => {
  const queue = new SerialQueue();
  const abort = new AbortController();
  const running = Promise.withResolvers<void>();
  let ran = 0;
  const first = queue.run(() => running.promise, abort.signal);
  const second = queue.run(async () => ran++, abort.signal);
  const third = queue.run(async () => "third");
  abort.abort(new Error("enough"));
  await expect(first).rejects.toThrow("enough");
  await expect(second).rejects.toThrow("enough");
  await expect(queue.run(async () => ran++, abort.signal)).rejects.toThrow("enough");
  running.resolve();
  expect(await third).toBe("third");
  expect(ran).toBe(0);
});
