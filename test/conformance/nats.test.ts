import { randomUUID } from "node:crypto";
import { Registry } from "prom-client";
import { afterAll, beforeAll, beforeEach, vi } from "vitest";
import { natsConfig } from "../../src/sinks/nats/config.ts";
import { createNatsSink } from "../../src/sinks/nats/sink.ts";
import { type NatsCluster, startNats, whyNoNats } from "../kit/nats.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

const INSTALL_MS = 400_000;

vi.setConfig({ testTimeout: 60_000 });

let server: NatsCluster | undefined;

beforeAll(async () => {
  server = await startNats();
}, INSTALL_MS);

afterAll(() => server?.[Symbol.asyncDispose]());

beforeEach((context) => {
  if (server === undefined) context.skip(whyNoNats);
});

async function openHarness(): Promise<SinkHarness> {
  if (server === undefined) throw new Error(whyNoNats);
  const nats = server;
  // The test before may have left it killed.
  nats.node.start();
  await nats.ready();
  const name = randomUUID();
  await nats.createStream({ name, subjects: [`${name}.>`] });
  const config = natsConfig.parse({
    name: "log",
    type: "nats",
    servers: nats.servers,
    subject: `${name}.{source}.{type}`,
    stream: name,
    timeoutMs: 5_000,
    maxPayloadBytes: "128KiB",
    batch: { maxEvents: 60, maxBytes: "256KiB" },
  });
  const sink = createNatsSink(config, { registry: new Registry() });
  return {
    sink,
    delivered: async () => (await nats.read(name)).map(({ data }) => data),
    async countedBytes() {
      let bytes = 0;
      for (const { data, headers } of await nats.read(name)) {
        bytes += data.length + "NATS/1.0\r\n\r\n".length;
        for (const [header, value] of headers) bytes += `${header}: ${value}\r\n`.length;
      }
      return bytes;
    },
    breakDestination: () => nats.node.kill(),
    async repairDestination() {
      nats.node.start();
      await nats.ready();
    },
    async stallDestination() {
      nats.node.stall();
    },
    async [Symbol.asyncDispose]() {
      await sink.close();
      nats.node.goOn();
    },
  };
}

describeSinkConformance("nats", openHarness);
