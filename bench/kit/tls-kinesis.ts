import { SinkProcess } from "./sink-process.ts";

/** What the stand-in was sent since it was started. */
export interface KinesisCounts {
  readonly calls: number;
  readonly records: number;
  /** Data and partition keys, as the service counts them. */
  readonly bytes: number;
  /** PUT payload units of 25 KB that these records are billed as. */
  readonly units: number;
}

type Command = "counts" | "down";

/** A PutRecords over TLS in a process of its own, which takes everything. Its certificate is that of `tls-fixture.ts`. */
export class TlsKinesis implements AsyncDisposable {
  readonly url: string;
  readonly #process: SinkProcess<Command, KinesisCounts>;

  private constructor(process: SinkProcess<Command, KinesisCounts>, port: number) {
    this.#process = process;
    this.url = `https://127.0.0.1:${port}`;
  }

  static async start(): Promise<TlsKinesis> {
    const started = await SinkProcess.start<Command, KinesisCounts>("tls-kinesis-process.ts");
    const { port } = started.ready as { port: number };
    return new TlsKinesis(started.sink, port);
  }

  get pid(): number {
    return this.#process.pid;
  }

  async counts(): Promise<KinesisCounts> {
    return this.#process.tell("counts");
  }

  /** Breaks all connections and refuses new ones. */
  async down(): Promise<void> {
    await this.#process.tell("down");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
