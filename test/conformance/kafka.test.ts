import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, beforeEach, vi } from "vitest";
import { kafkaConfig } from "../../src/sinks/kafka/config.ts";
import { createKafkaSink } from "../../src/sinks/kafka/sink.ts";
import { type KafkaCluster, readTopic, startKafka, whyNoKafka } from "../kit/kafka.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

const START_MS = 400_000;

// A broker that was killed takes its time to start.
vi.setConfig({ testTimeout: 120_000 });

let cluster: KafkaCluster | undefined;

beforeAll(async () => {
  cluster = await startKafka();
}, START_MS);

afterAll(() => cluster?.[Symbol.asyncDispose]());

beforeEach((context) => {
  if (cluster === undefined) context.skip(whyNoKafka);
});

async function openHarness(): Promise<SinkHarness> {
  if (cluster === undefined) throw new Error(whyNoKafka);
  const kafka = cluster;
  // The test before may have left it killed.
  await kafka.node.start();
  await kafka.ready();
  const topic = `conformance-${randomUUID()}`;
  await kafka.createTopic(topic, 3, { "max.message.bytes": String(128 * 1024) });
  const config = kafkaConfig.parse({
    name: "log",
    type: "kafka",
    bootstrapServers: kafka.servers,
    topic,
    maxMessageBytes: "128KiB",
    timeoutMs: 6_000,
    batch: { maxEvents: 60, maxBytes: "256KiB" },
  });
  const sink = createKafkaSink(config);
  return {
    sink,
    delivered: async () => (await readTopic(kafka, topic)).map(({ value }) => value),
    async countedBytes() {
      let bytes = 0;
      for (const { key, value, headers } of await readTopic(kafka, topic)) {
        bytes += value.length + (key?.length ?? 0);
        for (const [name, text] of headers) bytes += name.length + Buffer.byteLength(text);
      }
      return bytes;
    },
    breakDestination: () => kafka.node.kill(),
    async repairDestination() {
      await kafka.node.start();
      await kafka.ready();
      await kafka.led(topic);
    },
    async stallDestination() {
      kafka.node.stall();
    },
    async [Symbol.asyncDispose]() {
      await sink.close();
      kafka.node.goOn();
    },
  };
}

describeSinkConformance("kafka", openHarness);
