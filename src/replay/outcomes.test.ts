import { expect, test } from "vitest";
import type { Receipt, Sink } from "../core/sink.ts";
import { Outcomes } from "./outcomes.ts";

test("a write that was given up and turns out to have delivered does not count an event again, however late", async () => {
  const delivered: number[] = [];
  const outcomes = new Outcomes({ delivered: (position) => delivered.push(position), refused: () => {} });
  const late = Promise.withResolvers<Receipt>();
  const answers = [late.promise, Promise.resolve<Receipt>({ kind: "delivered" })];
  const sink: Sink = {
    name: "s",
    type: "fake",
    limits: { maxEvents: 1, maxBytes: 1, maxEventBytes: 1, maxAgeMs: 1 },
    eventBytes: () => 1,
    write: async () => answers.shift() ?? { kind: "delivered" },
    check: async () => [],
    close: async () => {},
  };
  const watched = outcomes.watchSink(sink);
  const batch = [{ position: 0, id: "a", type: "t", source: "web", receivedMs: 0, bytes: Buffer.from("{}") }];
  const { signal } = new AbortController();
  const first = watched.write(batch, signal);
  await watched.write(batch, signal);
  outcomes.forget(0, 1);
  late.resolve({ kind: "delivered" });
  await first;
  expect(delivered).toEqual([0]);
});
