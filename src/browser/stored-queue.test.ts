import { IDBFactory, IDBKeyRange } from "fake-indexeddb";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { StoredQueue } from "./stored-queue.ts";

beforeEach(() => {
  vi.stubGlobal("indexedDB", new IDBFactory());
  vi.stubGlobal("IDBKeyRange", IDBKeyRange);
});

afterEach(() => {
  vi.unstubAllGlobals();
});

async function drained(queue: StoredQueue): Promise<(readonly string[])[]> {
  const all = [];
  for (let round = 0; round < 100; round++) {
    const chunks = await queue.oldest(2, 100);
    if (chunks.length === 0) break;
    all.push(chunks.flatMap(({ events }) => events));
    await queue.remove(chunks);
  }
  return all;
}

test("what one tab stores another one finds, oldest first, after the first is gone", async () => {
  const first = new StoredQueue("q", 1_000);
  await first.add(["b"], 1, 20);
  await first.add(["a"], 1, 10);
  first.close();
  expect(await drained(new StoredQueue("q", 1_000))).toEqual([["a", "b"]]);
});

test("what is taken fits into a request, but for a chunk that alone does not", async () => {
  const queue = new StoredQueue("q", 1_000);
  for (const [index, bytes] of [10, 10, 200, 60, 60].entries()) await queue.add([String(index)], bytes, index);
  expect(await drained(queue)).toEqual([["0", "1"], ["2"], ["3"], ["4"]]);
});

test("all tabs together store no more than the limit, and removing makes room", async () => {
  const [first, second] = [new StoredQueue("q", 100), new StoredQueue("q", 100)];
  expect(await first.add(["a"], 60, 1)).toBe(true);
  expect(await second.add(["b"], 60, 2)).toBe(false);
  await second.remove(await second.oldest(10, 100));
  expect(await second.add(["b"], 60, 3)).toBe(true);
});

test("at the end of a page events are stored within the turn", async () => {
  const queue = new StoredQueue("q", 100);
  await queue.oldest(1, 1);
  void queue.add(["last"], 500, 1, true);
  queue.close();
  expect(await drained(new StoredQueue("q", 100))).toEqual([["last"]]);
});

test.each([
  ["is missing", undefined],
  [
    "throws",
    {
      open: () => {
        throw new DOMException("denied", "SecurityError");
      },
    },
  ],
])("where IndexedDB %s, the queue is in memory and as bounded", async (_how, factory) => {
  vi.stubGlobal("indexedDB", factory);
  const queue = new StoredQueue("q", 100);
  expect(await queue.add(["a"], 60, 1)).toBe(true);
  expect(await queue.add(["b"], 60, 2)).toBe(false);
  expect(await queue.exclusively("me", async () => {})).toBe(true);
  expect(await drained(queue)).toEqual([["a"]]);
});

test("a database that is removed in another tab leaves the queue in memory", async () => {
  const [first, second] = [new StoredQueue("q", 100), new StoredQueue("q", 100)];
  await first.add(["a"], 1, 1);
  await second.oldest(1, 1);
  first.destroy();
  await vi.waitFor(async () => expect(await second.oldest(1, 1)).toEqual([]));
  expect(await second.add(["b"], 1, 2)).toBe(true);
  expect(await drained(new StoredQueue("q", 100))).toEqual([]);
  expect(await drained(second)).toEqual([["b"]]);
});

test("without Web Locks one tab at a time has the queue, and another one has it once the first is done", async () => {
  vi.stubGlobal("navigator", {});
  const [first, second] = [new StoredQueue("q", 100), new StoredQueue("q", 100)];
  const gate = Promise.withResolvers<void>();
  const entered = Promise.withResolvers<void>();
  const working = first.exclusively("first", () => {
    entered.resolve();
    return gate.promise;
  });
  await entered.promise;
  const work = vi.fn<() => Promise<void>>(async () => {});
  expect(await second.exclusively("second", work)).toBe(false);
  expect(work).not.toHaveBeenCalled();
  gate.resolve();
  expect(await working).toBe(true);
  expect(await second.exclusively("second", work)).toBe(true);
});

test("without Web Locks the queue of a tab that died is free after a while", async () => {
  vi.stubGlobal("navigator", {});
  const [first, second] = [new StoredQueue("q", 100), new StoredQueue("q", 100)];
  const entered = Promise.withResolvers<void>();
  void first.exclusively("first", () => {
    entered.resolve();
    return new Promise(() => {});
  });
  await entered.promise;
  first.close();
  const now = vi.spyOn(Date, "now").mockReturnValue(Date.now() + 60_000);
  expect(await second.exclusively("second", async () => {})).toBe(true);
  now.mockRestore();
});
