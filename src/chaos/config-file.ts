import { writeFile } from "node:fs/promises";
import type { CollectorConfig } from "./collector-config.ts";

/** The collector's configuration on disk, as reloads find it. */
export class ConfigFile {
  readonly #file: string;
  readonly #config: CollectorConfig;

  constructor(file: string, config: CollectorConfig) {
    this.#file = file;
    this.#config = config;
  }

  /** Writes it with other batches for each sink, so that a reload replaces them. */
  async writeChanged(): Promise<void> {
    const sinks = this.#config.sinks.map((sink) => ({ ...sink, batch: { maxAgeMs: sink.batch.maxAgeMs + 50 } }));
    await this.#write({ ...this.#config, sinks });
  }

  /** Writes it with a mistake, so that a reload must be refused. */
  async writeInvalid(): Promise<void> {
    await this.#write({ ...this.#config, sources: [{ name: "web", kyes: ["wk_chaos"] }] });
  }

  /** Writes it as it was at the start. */
  async restore(): Promise<void> {
    await this.#write(this.#config);
  }

  #write(config: object): Promise<void> {
    return writeFile(this.#file, `${JSON.stringify(config, null, 2)}\n`);
  }
}
