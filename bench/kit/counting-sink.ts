import { type ChildProcess, fork } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import type { KinesisFaults } from "../../src/testing.ts";

export type SinkCommand =
  | { readonly kind: "down" | "up" | "counts" }
  | { readonly kind: "faults"; readonly faults: KinesisFaults };

export interface SinkCounts {
  readonly records: number;
  /** Different sample events. */
  readonly distinct: number;
  /** Sample events whose members were not stored byte for byte. */
  readonly altered: number;
  /** First deliveries of an event after that of one sent later on the same connection. */
  readonly outOfLaneOrder: number;
  /** First deliveries of an event after that of one with a later position in the same journal slot. */
  readonly outOfSlotOrder: number;
  /** The most positions by which one of those came late. */
  readonly furthestBack: number;
  /** How often each sample event was stored. */
  readonly stored?: Uint8Array;
  /** All other events. */
  readonly others?: readonly string[];
}

const REPLY_MS = 30_000;

/** A Kinesis stand-in in another process that counts what it stores. */
export class CountingSink implements AsyncDisposable {
  readonly url: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, url: string) {
    this.#child = child;
    this.url = url;
  }

  /** @param lanes connections of the load: event numbers modulo this are those of one connection, in order */
  static async start(lanes: number): Promise<CountingSink> {
    const entry = path.join(import.meta.dirname, "counting-sink-process.ts");
    const child = fork(entry, [String(lanes)], { serialization: "advanced" });
    const { url } = (await replyOf(child)) as { url: string };
    return new CountingSink(child, url);
  }

  /** Breaks all connections and refuses new ones. */
  async down(): Promise<void> {
    await this.#tell({ kind: "down" });
  }

  async up(): Promise<void> {
    await this.#tell({ kind: "up" });
  }

  async setFaults(faults: KinesisFaults): Promise<void> {
    await this.#tell({ kind: "faults", faults });
  }

  async counts(): Promise<Required<SinkCounts>> {
    return (await this.#tell({ kind: "counts" })) as Required<SinkCounts>;
  }

  /** One command at a time. */
  async #tell(command: SinkCommand): Promise<SinkCounts> {
    const reply = replyOf(this.#child);
    this.#child.send(command);
    return (await reply) as SinkCounts;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    const exited = once(this.#child, "exit");
    this.#child.kill("SIGKILL");
    await exited;
  }
}

async function replyOf(child: ChildProcess): Promise<unknown> {
  const ended = new AbortController();
  const timeout = AbortSignal.any([AbortSignal.timeout(REPLY_MS), ended.signal]);
  const onExit = (code: number | null): void => ended.abort(new Error(`the sink ended with code ${code}`));
  child.once("exit", onExit);
  try {
    const [reply] = (await once(child, "message", { signal: timeout })) as [unknown];
    return reply;
  } finally {
    child.off("exit", onExit);
  }
}
