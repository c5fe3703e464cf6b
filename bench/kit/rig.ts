import path from "node:path";
import { CollectorProcess, temporaryDir } from "../../test/kit/collector-process.ts";
import { CountingSink } from "./counting-sink.ts";
import { MemoryWatch } from "./memory-watch.ts";

export const KEY = "wk_bench";

/** As in the peers' tests. */
export const CONNECTIONS = 64;

/**
 * The defaults of the product but for what is said: a schema of 12 rules is enforced, the
 * journal is `os`, Kinesis records are events.
 *
 * @param sinkKeys more keys of the sink, as YAML in braces has them, such as `maxInFlight: 1`
 * @param more more top-level keys
 */
export function collectorYaml(sinkUrl: string, sinkKeys = "", more = ""): string {
  return `
journal: { dir: ./data/journal, durability: os }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
schemas: { dir: ${path.join(import.meta.dirname, "../schemas")} }
sources: [{ name: web, keys: [${KEY}], validation: enforce }]
sinks:
  - { name: stream, type: kinesis, stream: bench, region: us-east-1, endpoint: "${sinkUrl}", format: none, ${sinkKeys} }
${more}`;
}

/**
 * A collector under test and its sink, each in processes of their own, in a temporary
 * directory that goes with them.
 */
export class Rig implements AsyncDisposable {
  readonly dir: string;
  readonly sink: CountingSink;
  readonly memory: MemoryWatch;
  readonly #yaml: string;
  readonly #opened: AsyncDisposableStack;

  private constructor(
    dir: string,
    sink: CountingSink,
    memory: MemoryWatch,
    yaml: string,
    opened: AsyncDisposableStack,
  ) {
    this.dir = dir;
    this.sink = sink;
    this.memory = memory;
    this.#yaml = yaml;
    this.#opened = opened;
  }

  /** The options are those of {@link collectorYaml}. */
  static async open({ sink: sinkKeys = "", more = "" } = {}): Promise<Rig> {
    await using opened = new AsyncDisposableStack();
    const dir = opened.use(await temporaryDir());
    const sink = opened.use(await CountingSink.start(CONNECTIONS));
    const memory = opened.use(new MemoryWatch());
    return new Rig(dir.path, sink, memory, collectorYaml(sink.url, sinkKeys, more), opened.move());
  }

  /** Starts the collector, again after it ended. Whoever starts it ends it. */
  async start(): Promise<CollectorProcess> {
    const collector = await CollectorProcess.start(this.dir, this.#yaml);
    this.memory.add(collector.pid);
    return collector;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#opened.disposeAsync();
  }
}
