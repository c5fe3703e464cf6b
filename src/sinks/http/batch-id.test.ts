import { expect, test } from "vitest";
import { batchId } from "./batch-id.ts";

function event(position: number, text: string) {
  return { position, id: "1", type: "a", source: "web", receivedMs: 0, bytes: Buffer.from(text) };
}

test("a batch has the same id each time it is sent, and another batch another", () => {
  const first = [event(1, '{"id":"a"}'), event(2, '{"id":"b"}')];
  expect(batchId(first)).toBe(batchId([...first]));
  expect(batchId(first)).toMatch(/^msg_[\w-]{32}$/);
  expect(batchId(first.slice(1))).not.toBe(batchId(first));
  expect(batchId(first.toReversed())).not.toBe(batchId(first));
});
