import { Registry } from "prom-client";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { memoryConfig } from "./config.ts";
import { createMemorySink } from "./sink.ts";

test("the newest events are kept within maxBytes, in order, and those let go are counted", async () => {
  const registry = new Registry();
  const config = memoryConfig.parse({ name: "memory", type: "memory", maxBytes: "10KiB" });
  const sink = createMemorySink(config, { registry });
  for (let from = 0; from < 100; from += 10) {
    const batch = Array.from({ length: 10 }, (_, index) => event(from + index));
    expect(await sink.write(batch, new AbortController().signal)).toEqual({ kind: "delivered" });
    const held = sink.events();
    expect(held.reduce((bytes, each) => bytes + sink.eventBytes(each), 0)).toBeLessThanOrEqual(10 * 1024);
    expect(held.map(({ position }) => position)).toEqual(held.map((_, index) => from + 10 - held.length + index));
  }
  const held = sink.events().length;
  expect(held).toBeGreaterThan(5);
  const metric = await registry.getSingleMetric("millrace_memory_sink_evicted_events_total")?.get();
  expect(metric?.values).toMatchObject([{ labels: { sink: "memory" }, value: 100 - held }]);
});

test("a held event does not keep the journal's buffer alive", async () => {
  const sink = createMemorySink(memoryConfig.parse({ name: "memory", type: "memory" }), { registry: new Registry() });
  const segment = Buffer.from("{}{}");
  await sink.write([{ ...event(0), bytes: segment.subarray(0, 2) }], new AbortController().signal);
  segment.fill("x");
  expect(String(sink.events()[0]?.bytes)).toBe("{}");
});

function event(position: number): CollectedEvent {
  return { position, id: "id", type: "t", source: "web", receivedMs: 0, bytes: Buffer.from("x".repeat(100)) };
}
