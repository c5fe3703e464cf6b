import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";

/** What the stand-in was sent since it was started. */
export interface KinesisCounts {
  readonly calls: number;
  readonly records: number;
  /** Data and partition keys, as the service counts them. */
  readonly bytes: number;
  /** PUT payload units of 25 KB that these records are billed as. */
  readonly units: number;
}

const REPLY_MS = 30_000;

/** A PutRecords over TLS in a process of its own, which takes everything. Its certificate is that of `tls-fixture.ts`. */
export class TlsKinesis implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, port: number) {
    this.#child = child;
    this.url = `https://127.0.0.1:${port}`;
  }

  static async start(): Promise<TlsKinesis> {
    const child = fork(path.join(import.meta.dirname, "tls-kinesis-process.ts"));
    const { port } = (await replyOf(child)) as { port: number };
    return new TlsKinesis(child, port);
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  async counts(): Promise<KinesisCounts> {
    return this.#tell("counts");
  }

  /** Breaks all connections and refuses new ones. */
  async down(): Promise<void> {
    await this.#tell("down");
  }

  async #tell(command: "counts" | "down"): Promise<KinesisCounts> {
    const reply = replyOf(this.#child);
    this.#child.send(command);
    return (await reply) as KinesisCounts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

async function replyOf(child: ChildProcess): Promise<unknown> {
  const [reply] = (await once(child, "message", { signal: AbortSignal.timeout(REPLY_MS) })) as [unknown];
  return reply;
}
