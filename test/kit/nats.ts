import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { type JetStreamManager, jetstreamManager, type StreamConfig } from "@nats-io/jetstream";
import { connect, type ConnectionOptions } from "@nats-io/transport-node";
import { FIRST } from "../../src/ingest/tls/tls-fixture.ts";
import { programOf } from "./debian-package.ts";
import { freePort } from "./free-port.ts";
import { stall } from "./process-tree.ts";

const START_MS = 60_000;
const READ_BATCH = 500;

export let whyNoNats = "";

export interface NatsOptions {
  /** Default: 1. More make a cluster. */
  readonly nodes?: number;
  /** Whom alone the nodes let in, by user and password or by token. Default: everyone. */
  readonly login?: NatsLogin;
  /** Whether the nodes are reached by TLS only, with the first certificate of the fixture. Default: no. */
  readonly tls?: boolean;
  /** Text of a file of configuration for every node. */
  readonly config?: string;
}

export type NatsLogin = { readonly user: string; readonly pass: string } | { readonly token: string };

/** Starts nats-server with JetStream, Debian's, on data that is gone with it; `undefined`, with the reason in `whyNoNats`, when it cannot be had. */
export async function startNats(options: NatsOptions = {}): Promise<NatsCluster | undefined> {
  const program = programOf("nats-server", ["/usr/sbin/nats-server", "/usr/bin/nats-server"]);
  if (program.path === undefined) {
    whyNoNats = program.why;
    return undefined;
  }
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-nats-"));
  const ports: { readonly client: number; readonly cluster: number; readonly monitor: number }[] = [];
  for (let id = 0; id < (options.nodes ?? 1); id++) {
    ports.push({ client: await freePort(), cluster: await freePort(), monitor: await freePort() });
  }
  const pem = { cert: path.join(dir, "cert.pem"), key: path.join(dir, "key.pem") };
  await Promise.all([writeFile(pem.cert, FIRST.cert), writeFile(pem.key, FIRST.key)]);
  const configFile = path.join(dir, "nats.conf");
  await writeFile(configFile, options.config ?? "");
  const routes = ports.map(({ cluster }) => `nats://127.0.0.1:${cluster}`).join(",");
  const nodes = ports.map(({ client, cluster, monitor }, id) => {
    const args = ["-a", "127.0.0.1", "-p", String(client), "-m", String(monitor), "-n", `n${id}`];
    args.push("-js", "-sd", path.join(dir, String(id)));
    if (options.config !== undefined) args.push("-c", configFile);
    if (options.tls === true) args.push("--tls", "--tlscert", pem.cert, "--tlskey", pem.key);
    const { login } = options;
    // With a configuration, that says who may log in.
    if (login !== undefined && options.config === undefined) {
      args.push(...("token" in login ? ["--auth", login.token] : ["--user", login.user, "--pass", login.pass]));
    }
    if (ports.length > 1) {
      args.push("--cluster_name", "tests", "--cluster", `nats://127.0.0.1:${cluster}`, "--routes", routes);
    }
    return new NatsNode(program.path, args, `n${id}`, `127.0.0.1:${client}`, `http://127.0.0.1:${monitor}`);
  });
  const cluster = new NatsCluster(dir, nodes, {
    ...options.login,
    ...(options.tls === true && { tls: { caFile: pem.cert } }),
  });
  try {
    for (const node of nodes) node.start();
    await cluster.ready();
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
  return cluster;
}

/** One server, which can be killed, stopped for a while, and started again on the same data. */
export class NatsNode {
  readonly name: string;
  readonly address: string;
  readonly monitor: string;
  readonly #program: string;
  readonly #args: readonly string[];
  #child: ChildProcess | undefined;

  constructor(program: string, args: readonly string[], name: string, address: string, monitor: string) {
    this.#program = program;
    this.#args = args;
    this.name = name;
    this.address = address;
    this.monitor = monitor;
  }

  start(): void {
    this.#child ??= spawn(this.#program, this.#args, { stdio: "ignore" });
  }

  /** `kill -9`. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
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

export class NatsCluster implements AsyncDisposable {
  readonly nodes: readonly NatsNode[];
  readonly #dir: string;
  readonly #login: ConnectionOptions;

  constructor(
    dir: string,
    nodes: readonly NatsNode[],
    login: Pick<ConnectionOptions, "user" | "pass" | "token" | "tls">,
  ) {
    this.#login = login;
    this.#dir = dir;
    this.nodes = nodes;
  }

  get node(): NatsNode {
    const [node] = this.nodes;
    assert(node);
    return node;
  }

  get servers(): readonly string[] {
    return this.nodes.map(({ address }) => address);
  }

  /** Resolves when JetStream answers. */
  ready(): Promise<unknown> {
    return this.#until("JetStream is not ready", (manager) => manager.getAccountInfo());
  }

  async createStream(stream: Partial<StreamConfig> & { name: string }): Promise<void> {
    await this.#until(`no stream ${stream.name}`, async (manager) => {
      await manager.streams.add(stream).catch((error: unknown) => {
        if (!String(error).includes("already in use")) throw error;
      });
      await manager.streams.info(stream.name);
    });
  }

  async ask<T>(question: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    const connection = await connect({
      ...this.#login,
      servers: [...this.servers],
      timeout: 2_000,
      reconnect: false,
    });
    try {
      return await question(await jetstreamManager(connection, { timeout: 5_000, checkAPI: false }));
    } finally {
      await connection.close();
    }
  }

  /** The node that leads a stream. */
  async leaderOf(stream: string): Promise<NatsNode> {
    const info = await this.#until(`${stream} has no leader`, async (manager) => {
      const found = await manager.streams.info(stream);
      assert(found.cluster?.leader !== undefined && found.cluster.leader !== "");
      return found;
    });
    const leader = this.nodes.find(({ name }) => name === info.cluster?.leader);
    assert(leader, "the leader is one of the nodes");
    return leader;
  }

  /** How many messages each running server says that it holds of a stream, by its monitoring port and not by any client. */
  async heldBy(stream: string): Promise<readonly number[]> {
    const counts: number[] = [];
    for (const { monitor } of this.nodes) {
      const reply = await fetch(`${monitor}/jsz?streams=true`).catch(() => undefined);
      if (reply === undefined) continue;
      const state = (await reply.json()) as {
        account_details?: { stream_detail?: { name: string; state: { messages: number } }[] }[];
      };
      const details = state.account_details?.flatMap(({ stream_detail = [] }) => stream_detail) ?? [];
      counts.push(details.find(({ name }) => name === stream)?.state.messages ?? 0);
    }
    return counts;
  }

  /** Every message of a stream: payload, subject and headers. */
  async read(stream: string): Promise<{ data: Buffer; subject: string; headers: ReadonlyMap<string, string> }[]> {
    return this.#until(`${stream} cannot be read`, async (manager) => {
      const { state } = await manager.streams.info(stream);
      const messages: { data: Buffer; subject: string; headers: ReadonlyMap<string, string> }[] = [];
      if (state.messages === 0) return messages;
      const consumer = await manager.jetstream().consumers.get(stream, {});
      while (messages.length < state.messages) {
        const before = messages.length;
        for await (const message of await consumer.fetch({ max_messages: READ_BATCH, expires: 1_000 })) {
          const headers = new Map(Array.from(message.headers ?? [], ([name, values]) => [name, values.join(",")]));
          messages.push({ data: Buffer.from(message.data), subject: message.subject, headers });
          if (messages.length === state.messages) break;
        }
        assert(messages.length > before, "a stream that holds messages gives them out");
      }
      return messages;
    });
  }

  async #until<T>(problem: string, question: (manager: JetStreamManager) => Promise<T>): Promise<T> {
    let last: unknown;
    for (const deadline = Date.now() + START_MS; Date.now() < deadline; await delay(20)) {
      try {
        return await this.ask(question);
      } catch (error) {
        last = error;
      }
    }
    throw new Error(`${problem} after ${START_MS} ms: ${String(last)}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.nodes.map((node) => node.kill()));
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }
}
