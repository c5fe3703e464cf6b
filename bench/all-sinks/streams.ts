import { CountingSink } from "../kit/counting-sink.ts";
import { Tally } from "../kit/tally.ts";
import { type KafkaCluster, readTopic, startKafka, whyNoKafka } from "../../test/kit/kafka.ts";
import { startNats, whyNoNats } from "../../test/kit/nats.ts";
import { type Destination, tallyOfEvents } from "./destination.ts";

export async function kinesis(connections: number): Promise<Destination> {
  const sink = await CountingSink.start(connections);
  return {
    name: "kinesis",
    server: "our stand-in",
    yaml: `type: kinesis, stream: bench, region: us-east-1, endpoint: "${sink.url}"`,
    wants: "all",
    async stored() {
      const tally = new Tally();
      const { stored } = await sink.counts();
      for (const [number, times] of stored.entries()) for (let time = 0; time < times; time++) tally.add(number);
      return tally;
    },
    [Symbol.asyncDispose]: () => sink[Symbol.asyncDispose](),
  };
}

export async function kafka(): Promise<Destination> {
  const cluster: KafkaCluster | undefined = await startKafka();
  if (cluster === undefined) throw new Error(whyNoKafka);
  await cluster.createTopic("bench", 6);
  return {
    name: "kafka",
    server: "Apache Kafka, a broker",
    yaml: `type: kafka, bootstrapServers: [${cluster.servers.map((server) => `"${server}"`).join(", ")}], topic: bench, compression: lz4`,
    wants: "all",
    stored: async () => tallyOfEvents((await readTopic(cluster, "bench")).map(({ value }) => value)),
    kill: () => cluster.node.kill(),
    restart: () => cluster.node.start(),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

export async function nats(): Promise<Destination> {
  const cluster = await startNats({ nodes: 3 });
  if (cluster === undefined) throw new Error(whyNoNats);
  await cluster.createStream({ name: "bench", subjects: ["bench.>"], num_replicas: 3 });
  return {
    name: "nats",
    server: "NATS JetStream, three nodes",
    yaml: `type: nats, servers: [${cluster.servers.map((server) => `"${server}"`).join(", ")}], subject: bench.events`,
    wants: "all",
    stored: async () => tallyOfEvents((await cluster.read("bench")).map(({ data }) => data)),
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}
