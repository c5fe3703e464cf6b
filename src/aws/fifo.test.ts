import { expect, test } from "vitest";
import type { CollectedEvent } from "../core/event.ts";
import { fifoIdsOf } from "./fifo.ts";

function eventOf(id: string, data: unknown = null): CollectedEvent {
  return { position: 0, id, type: "t", source: "web", receivedMs: 0, bytes: Buffer.from(JSON.stringify({ data })) };
}

test("the group is the source, or the value at a pointer, or else the id", () => {
  expect(fifoIdsOf("source")(eventOf("a"))).toEqual({ MessageGroupId: "web", MessageDeduplicationId: "web/a" });
  expect(fifoIdsOf("/data/user")(eventOf("a", { user: 7 })).MessageGroupId).toBe("7");
  expect(fifoIdsOf("/data/user")(eventOf("a", {})).MessageGroupId).toBe("a");
});

test("events of two sources with the same id are two messages", () => {
  const ids = fifoIdsOf("source");
  const other = { ...eventOf("a"), source: "app" };
  expect(ids(other).MessageDeduplicationId).not.toBe(ids(eventOf("a")).MessageDeduplicationId);
});

test.each(["two words", "zażółć", "x".repeat(129), "\uD800"])("%j, which no service takes, is told by a hash", (id) => {
  const ids = fifoIdsOf("source")(eventOf(id));
  expect(ids.MessageDeduplicationId).toMatch(/^[0-9a-f]{64}$/);
  expect(fifoIdsOf("source")(eventOf(id))).toEqual(ids);
});
