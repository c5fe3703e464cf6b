import { expect, test } from "vitest";
import { kafkaConfig } from "../../src/sinks/kafka/config.ts";
import { createKafkaSink } from "../../src/sinks/kafka/sink.ts";
import type { CollectedEvent } from "../../src/core/event.ts";
import { type KafkaCluster, readTopic, startKafka, whyNoKafka } from "../kit/kafka.ts";
import { waitFor } from "../kit/wait-for.ts";

const LONG_MS = 600_000;
const TOPIC = "events";

test(
  "three brokers, each killed and two stalled in turn under load, hold what was delivered, and nothing twice",
  async (context) => {
    if (process.env["MILLRACE_LONG_TESTS"] === undefined) context.skip("takes minutes: set MILLRACE_LONG_TESTS=1");
    const started = await startKafka({ nodes: 3 });
    if (started === undefined) {
      context.skip(whyNoKafka);
      return;
    }
    await using cluster = started;
    await cluster.createTopic(TOPIC, 6, { "min.insync.replicas": "2" });
    const sink = createKafkaSink(
      kafkaConfig.parse({
        name: "log",
        type: "kafka",
        bootstrapServers: cluster.servers,
        topic: TOPIC,
        timeoutMs: 60_000,
      }),
    );
    expect(await sink.check(AbortSignal.timeout(10_000))).toEqual([]);

    const delivered = new Set<string>();
    let over = false;
    const send = async (writer: number): Promise<void> => {
      for (let round = 0; !over; round++) {
        let batch = eventsOf(writer, round);
        while (batch.length > 0) {
          const receipt = await sink.write(batch, AbortSignal.timeout(60_000));
          const fates = receipt.kind === "partial" ? receipt.fates : batch.map(() => receipt);
          for (const [index, { id }] of batch.entries()) if (fates[index]?.kind === "delivered") delivered.add(id);
          batch = batch.filter(({ id }) => !delivered.has(id));
          if (batch.length > 0) await new Promise((resolve) => setTimeout(resolve, 100));
        }
      }
    };
    const load = Promise.all([0, 1, 2, 3].map(send));
    const goesOn = async (): Promise<void> => {
      const before = delivered.size;
      await waitFor(() => delivered.size > before + 1_000, 120_000);
    };
    await goesOn();
    for (const node of cluster.nodes) {
      await node.kill();
      await goesOn();
      await node.start();
      await waitFor(() => isInSync(cluster), 120_000);
    }
    for (const node of cluster.nodes.slice(1)) {
      node.stall();
      await goesOn();
      node.goOn();
      await waitFor(() => isInSync(cluster), 120_000);
    }
    over = true;
    await load;
    await sink.close();

    const held = (await readTopic(cluster, TOPIC)).map(({ key }) => key?.toString() ?? "");
    const ids = new Set(held);
    console.info(`delivered ${delivered.size}, held ${held.length}, twice ${held.length - ids.size}`);
    expect([...delivered].filter((id) => !ids.has(id))).toEqual([]);
    expect(held.length).toBe(delivered.size);
  },
  LONG_MS,
);

function eventsOf(writer: number, round: number): CollectedEvent[] {
  return Array.from({ length: 25 }, (_, index) => {
    const id = `${writer}-${round}-${index}`;
    const bytes = Buffer.from(JSON.stringify({ id }));
    return { position: round * 25 + index, id, type: "t", source: "s", receivedMs: Date.now(), bytes };
  });
}

async function isInSync(cluster: KafkaCluster): Promise<boolean> {
  const metadata = await cluster.ask((admin) => admin.metadata({ topics: [TOPIC] })).catch(() => undefined);
  return metadata?.topics.get(TOPIC)?.partitions.every(({ isr }) => isr.length === 3) ?? false;
}
