import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { randomUUID } from "node:crypto";
import { createWriteStream } from "node:fs";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { Admin, Consumer, MessagesStreamModes, Producer } from "@platformatic/kafka";
import { FIRST } from "../../src/ingest/tls/tls-fixture.ts";
import { programOf } from "./debian-package.ts";
import { freePort } from "./free-port.ts";
import { stall } from "./process-tree.ts";
import { installOnce } from "./test-cache.ts";

const run = promisify(execFile);

const VERSION = "4.4.0";
const INSTALL_MS = 400_000;
const START_MS = 90_000;
const TOOL_MS = 60_000;
const CLUSTER_ID = "bWlsbHJhY2UtdGVzdHMtMQ";

const POM = `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>millrace</groupId><artifactId>kafka-for-tests</artifactId><version>1</version><dependencies>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka_2.13</artifactId><version>${VERSION}</version></dependency>
<dependency><groupId>org.apache.kafka</groupId><artifactId>kafka-tools</artifactId><version>${VERSION}</version></dependency>
</dependencies></project>`;

const ARCHIVE = "classes.jsa";

const QUIET = `<Configuration status="off"><Loggers><Root level="off"/></Loggers></Configuration>`;

export let whyNoKafka = "";

interface Programs {
  readonly java: string;
  readonly jars: string;
  /** Arguments that let a broker start in half the time, or that prepare it. */
  readonly classes: string;
}

/** The brokers of Apache Kafka and its own tools, from Maven Central; `undefined`, with the reason in `whyNoKafka`, when they cannot be had. */
async function kafkaPrograms(): Promise<Programs | undefined> {
  const java = programOf("default-jre-headless", ["/usr/bin/java"]);
  if (java.path === undefined) {
    whyNoKafka = java.why;
    return undefined;
  }
  try {
    const jars = await installOnce(`kafka-${VERSION}-with-classes`, async (directory) => {
      const maven = programOf("maven", ["/usr/bin/mvn"]);
      if (maven.path === undefined) throw new Error(maven.why);
      await writeFile(path.join(directory, "pom.xml"), POM);
      await writeFile(path.join(directory, "log4j2.xml"), QUIET);
      const copy = ["-q", "-B", "dependency:copy-dependencies", `-DoutputDirectory=${directory}`];
      await run(maven.path, copy, { cwd: directory, timeout: INSTALL_MS });
      // A broker that ends in peace leaves its classes behind as the next one wants them.
      const classes = `-XX:ArchiveClassesAtExit=${path.join(directory, ARCHIVE)}`;
      await using cluster = await launch({ java: java.path, jars: directory, classes }, {});
      await cluster.node.end();
    });
    return { java: java.path, jars, classes: `-XX:SharedArchiveFile=${path.join(jars, ARCHIVE)}` };
  } catch (error) {
    whyNoKafka = `Apache Kafka ${VERSION} is not installed, and cannot be: ${String(error).split("\n")[0] ?? ""}`;
    return undefined;
  }
}

export interface KafkaOptions {
  /** Default: 1. */
  readonly nodes?: number;
  /** Lines of `server.properties` for every node. */
  readonly properties?: readonly string[];
}

const LOGIN = "org.apache.kafka.common.security";

/** Has to log in at `saslAddress`, which is reached by TLS only, by PLAIN or either kind of SCRAM. */
export const SASL_USER = { username: "collector", password: "s3cret-of-tests" };

/** Starts a cluster in KRaft mode, each node broker and controller at once, on data that is gone with it. */
export async function startKafka(options: KafkaOptions = {}): Promise<KafkaCluster | undefined> {
  const programs = await kafkaPrograms();
  return programs === undefined ? undefined : launch(programs, options);
}

async function launch(programs: Programs, options: KafkaOptions): Promise<KafkaCluster> {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-kafka-"));
  const count = options.nodes ?? 1;
  const ports: { readonly broker: number; readonly controller: number; readonly sasl: number }[] = [];
  for (let id = 0; id < count; id++) {
    ports.push({ broker: await freePort(), controller: await freePort(), sasl: await freePort() });
  }
  const voters = ports.map(({ controller }, id) => `${id}@127.0.0.1:${controller}`).join(",");
  const nodes: KafkaNode[] = [];
  for (const [id, { broker, controller, sasl }] of ports.entries()) {
    const home = path.join(dir, String(id));
    await mkdir(home);
    await writeFile(
      path.join(home, "server.properties"),
      [
        "process.roles=broker,controller",
        `node.id=${id}`,
        `controller.quorum.voters=${voters}`,
        `listeners=PLAINTEXT://127.0.0.1:${broker},CONTROLLER://127.0.0.1:${controller},SASL://127.0.0.1:${sasl}`,
        `advertised.listeners=PLAINTEXT://127.0.0.1:${broker},SASL://127.0.0.1:${sasl}`,
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_SSL",
        "listener.name.sasl.ssl.keystore.type=PEM",
        `listener.name.sasl.ssl.keystore.location=${home}/server.pem`,
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        `listener.name.sasl.plain.sasl.jaas.config=${LOGIN}.plain.PlainLoginModule required user_${SASL_USER.username}="${SASL_USER.password}";`,
        `listener.name.sasl.scram-sha-256.sasl.jaas.config=${LOGIN}.scram.ScramLoginModule required;`,
        `listener.name.sasl.scram-sha-512.sasl.jaas.config=${LOGIN}.scram.ScramLoginModule required;`,
        "controller.listener.names=CONTROLLER",
        `log.dirs=${home}/data`,
        "auto.create.topics.enable=false",
        // A node that was killed is missed sooner than after the usual nine seconds.
        "broker.session.timeout.ms=3000",
        "broker.heartbeat.interval.ms=500",
        `offsets.topic.replication.factor=${Math.min(3, count)}`,
        `transaction.state.log.replication.factor=${Math.min(3, count)}`,
        "offsets.topic.num.partitions=1",
        "group.initial.rebalance.delay.ms=0",
        "num.network.threads=2",
        "num.io.threads=4",
        ...(options.properties ?? []),
      ].join("\n"),
    );
    await writeFile(path.join(home, "server.pem"), FIRST.key + FIRST.cert);
    nodes.push(new KafkaNode(programs, home, `127.0.0.1:${broker}`, `127.0.0.1:${sasl}`));
  }
  const cluster = new KafkaCluster(programs, dir, nodes);
  try {
    await Promise.all(nodes.map((node) => node.format()));
    await Promise.all(nodes.map((node) => node.start()));
    await cluster.ready();
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

/** One node, which can be killed, stopped for a while, and started again on the same data. */
export class KafkaNode {
  readonly address: string;
  readonly saslAddress: string;
  readonly #programs: Programs;
  readonly #home: string;
  #child: ChildProcess | undefined;

  constructor(programs: Programs, home: string, address: string, saslAddress: string) {
    this.saslAddress = saslAddress;
    this.#programs = programs;
    this.#home = home;
    this.address = address;
  }

  async format(): Promise<void> {
    const config = path.join(this.#home, "server.properties");
    const user = `[name=${SASL_USER.username},password=${SASL_USER.password}]`;
    await tool(this.#programs, "kafka.tools.StorageTool", [
      "format",
      "-t",
      CLUSTER_ID,
      "-c",
      config,
      ...["SCRAM-SHA-256", "SCRAM-SHA-512"].flatMap((mechanism) => ["--add-scram", `${mechanism}=${user}`]),
    ]);
  }

  async start(): Promise<void> {
    if (this.#child !== undefined) return;
    const { java, jars, classes } = this.#programs;
    const args = [
      "-Xmx512m",
      "-XX:+UseSerialGC",
      "-XX:TieredStopAtLevel=1",
      classes,
      `-Dlog4j2.configurationFile=${jars}/log4j2.xml`,
      "-cp",
      `${jars}/*`,
      "kafka.Kafka",
      path.join(this.#home, "server.properties"),
    ];
    const child = spawn(java, args, { stdio: ["ignore", "pipe", "pipe"] });
    const log = createWriteStream(path.join(this.#home, "log"), { flags: "a" });
    child.stdout.pipe(log);
    child.stderr.pipe(log);
    this.#child = child;
  }

  /** `kill -9`. */
  kill(): Promise<void> {
    return this.#stop("SIGKILL");
  }

  /** In peace. */
  end(): Promise<void> {
    return this.#stop("SIGTERM");
  }

  async #stop(signal: NodeJS.Signals): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill(signal);
    await ended;
  }

  /** It holds its connections and answers nothing. */
  stall(): void {
    if (this.#child?.pid !== undefined) stall(this.#child.pid);
  }

  goOn(): void {
    this.#child?.kill("SIGCONT");
  }
}

export class KafkaCluster implements AsyncDisposable {
  readonly nodes: readonly KafkaNode[];
  readonly #programs: Programs;
  readonly #dir: string;

  constructor(programs: Programs, dir: string, nodes: readonly KafkaNode[]) {
    this.#programs = programs;
    this.#dir = dir;
    this.nodes = nodes;
  }

  get servers(): readonly string[] {
    return this.nodes.map(({ address }) => address);
  }

  get node(): KafkaNode {
    const [node] = this.nodes;
    assert(node);
    return node;
  }

  /** Resolves when every node is a broker of the cluster. */
  async ready(): Promise<void> {
    let problem: unknown;
    for (const deadline = Date.now() + START_MS; Date.now() < deadline; await delay(100)) {
      try {
        const brokers = await this.ask(async (admin) => (await admin.metadata({ topics: [] })).brokers.size);
        if (brokers === this.nodes.length) {
          // A cluster that has just started cannot give producers their ids yet.
          await this.#identifyProducer();
          return;
        }
        problem = `${brokers} of ${this.nodes.length} brokers are there`;
      } catch (error) {
        problem = error;
      }
    }
    throw new Error(`Kafka is not ready after ${START_MS} ms: ${String(problem)}`);
  }

  async #identifyProducer(): Promise<void> {
    const producer = new Producer({ clientId: "tests", bootstrapBrokers: [...this.servers], retries: 0 });
    try {
      await producer.initIdempotentProducer({});
    } finally {
      await producer.close();
    }
  }

  async ask<T>(question: (admin: Admin) => Promise<T>): Promise<T> {
    const admin = new Admin({ clientId: "tests", bootstrapBrokers: [...this.servers], retries: 0 });
    try {
      return await question(admin);
    } finally {
      await admin.close();
    }
  }

  async createTopic(topic: string, partitions: number, configs: Readonly<Record<string, string>> = {}): Promise<void> {
    await this.ask((admin) =>
      admin.createTopics({
        topics: [topic],
        partitions,
        replicas: Math.min(3, this.nodes.length),
        configs: Object.entries(configs).map(([name, value]) => ({ name, value })),
      }),
    );
    await this.led(topic);
  }

  /** Resolves when every partition of the topic has a leader that knows it: brokers say so a little before. */
  async led(topic: string): Promise<void> {
    for (const deadline = Date.now() + 30_000; ; await delay(20)) {
      const held = await countRecords(this, topic).catch(() => undefined);
      if (held !== undefined) return;
      assert(Date.now() < deadline, `the topic ${topic} has no leaders`);
    }
  }

  /** Runs one of Kafka's own tools, with what it reads, and returns what it prints. */
  tool(name: string, args: readonly string[], input = ""): Promise<string> {
    return tool(this.#programs, name, args, input);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function tool({ java, jars }: Programs, name: string, args: readonly string[], input = ""): Promise<string> {
  const options = [
    "-Xmx256m",
    "-XX:+UseSerialGC",
    "-XX:TieredStopAtLevel=1",
    `-Dlog4j2.configurationFile=${jars}/log4j2.xml`,
  ];
  const running = run(java, [...options, "-cp", `${jars}/*`, name, ...args], { timeout: TOOL_MS, maxBuffer: 1e9 });
  running.child.stdin?.end(input);
  return (await running).stdout;
}

export interface ReadRecord {
  readonly partition: number;
  readonly key: Buffer | undefined;
  readonly value: Buffer;
  readonly headers: ReadonlyMap<string, string>;
}

/** Every record of a topic, as the library's own consumer reads it: much faster to start than Kafka's. */
export async function readTopic(cluster: KafkaCluster, topic: string): Promise<ReadRecord[]> {
  const held = await countRecords(cluster, topic);
  const records: ReadRecord[] = [];
  if (held === 0) return records;
  const consumer = new Consumer({
    clientId: "tests",
    groupId: `tests-${randomUUID()}`,
    bootstrapBrokers: [...cluster.servers],
    maxWaitTime: 50,
  });
  try {
    const stream = await consumer.consume({ topics: [topic], mode: MessagesStreamModes.EARLIEST });
    for await (const { partition, key, value, headers } of stream) {
      const texts = new Map([...headers].map(([name, text]) => [name.toString(), text.toString()]));
      records.push({ partition, key: key ?? undefined, value, headers: texts });
      if (records.length >= held) break;
    }
  } finally {
    await consumer.close(true);
  }
  return records;
}

/** How many records the partitions hold, by their offsets. */
export async function countRecords(cluster: KafkaCluster, topic: string): Promise<number> {
  return cluster.ask(async (admin) => {
    const partitions = (await admin.metadata({ topics: [topic] })).topics.get(topic)?.partitionsCount ?? 0;
    assert(partitions > 0, `the topic ${topic} is not known yet`);
    const places = Array.from({ length: partitions }, (_, partitionIndex) => partitionIndex);
    const ends = await admin.listOffsets({
      topics: [{ name: topic, partitions: places.map((partitionIndex) => ({ partitionIndex, timestamp: -1n })) }],
    });
    let records = 0;
    for (const { partitions: ended } of ends) for (const { offset } of ended) records += Number(offset);
    return records;
  });
}
