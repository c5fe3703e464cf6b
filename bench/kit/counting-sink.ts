import type { KinesisFaults } from "../../src/testing.ts";
import { SinkProcess } from "./sink-process.ts";

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

/** A Kinesis stand-in in another process that counts what it stores. */
export class CountingSink implements AsyncDisposable {
  readonly url: string;
  readonly #process: SinkProcess<SinkCommand, SinkCounts>;

  private constructor(process: SinkProcess<SinkCommand, SinkCounts>, url: string) {
    this.#process = process;
    this.url = url;
  }

  /** @param lanes connections of the load: event numbers modulo this are those of one connection, in order */
  static async start(lanes: number): Promise<CountingSink> {
    const started = await SinkProcess.start<SinkCommand, SinkCounts>("counting-sink-process.ts", [String(lanes)]);
    const { url } = started.ready as { url: string };
    return new CountingSink(started.sink, url);
  }

  /** Breaks all connections and refuses new ones. */
  async down(): Promise<void> {
    await this.#process.tell({ kind: "down" });
  }

  async up(): Promise<void> {
    await this.#process.tell({ kind: "up" });
  }

  async setFaults(faults: KinesisFaults): Promise<void> {
    await this.#process.tell({ kind: "faults", faults });
  }

  async counts(): Promise<Required<SinkCounts>> {
    return (await this.#process.tell({ kind: "counts" })) as Required<SinkCounts>;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process[Symbol.asyncDispose]();
  }
}
