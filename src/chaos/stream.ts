import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import { extname } from "node:path";
import type { KinesisFaults } from "../testing/kinesis-faults.ts";
import type { StoredEvent, StreamMessage, StreamRequest } from "./stream-process.ts";

/** The storm's side of the stream: a Kinesis stand-in in a process of its own. */
export class Stream implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;
  /** One for each request that is not answered yet, in order. */
  readonly #waiting: (() => void)[] = [];

  private constructor(child: ChildProcess, url: string, onStored: (events: readonly StoredEvent[]) => void) {
    this.#child = child;
    this.url = url;
    child.on("message", (message: StreamMessage) => {
      if (message.kind === "stored") onStored(message.events);
      if (message.kind === "done") this.#waiting.shift()?.();
    });
  }

  /** @param onStored told of everything the stream stores, some 100 ms later */
  static async start(seed: number, onStored: (events: readonly StoredEvent[]) => void): Promise<Stream> {
    const program = new URL(`./stream-process${extname(import.meta.filename)}`, import.meta.url);
    // A group of its own: Ctrl-C on the terminal is for the storm alone.
    const child = fork(program, [String(seed)], { serialization: "advanced", detached: true, execArgv: [] });
    const url = await new Promise<string>((resolve, reject) => {
      child.once("exit", (code) => reject(new Error(`the stream of the storm ended with ${code}`)));
      child.once("message", (message: StreamMessage) => {
        if (message.kind === "ready") resolve(message.url);
      });
    });
    return new Stream(child, url, onStored);
  }

  /** Replaces what goes wrong; nothing by default. */
  async setFaults(faults: KinesisFaults = {}): Promise<void> {
    await this.#request({ kind: "faults", faults });
  }

  async down(): Promise<void> {
    await this.#request({ kind: "down" });
  }

  async up(): Promise<void> {
    await this.#request({ kind: "up" });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.disconnect();
    await exited;
  }

  #request(request: StreamRequest): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      this.#child.send(request);
    });
  }
}
