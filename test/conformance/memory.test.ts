import { Registry } from "prom-client";
import { memoryConfig } from "../../src/sinks/memory/config.ts";
import { createMemorySink } from "../../src/sinks/memory/sink.ts";
import { describeSinkConformance } from "./sink-conformance.ts";

describeSinkConformance("memory", async () => {
  const config = memoryConfig.parse({ name: "memory", type: "memory", batch: { maxEvents: 200, maxBytes: "256KiB" } });
  const sink = createMemorySink(config, { registry: new Registry() });
  return {
    sink,
    delivered: async () => sink.events().map((event) => event.bytes),
    countedBytes: async () => sink.events().reduce((bytes, event) => bytes + event.bytes.length, 0),
    [Symbol.asyncDispose]: () => sink.close(),
  };
});
