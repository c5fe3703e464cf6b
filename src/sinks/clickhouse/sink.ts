import { createHash } from "node:crypto";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";
import { compress } from "../../formats/compression.ts";
import { HttpClient } from "../../outbound/http-client.ts";
import { readTlsMaterial, type TlsMaterial } from "../../outbound/tls-config.ts";
import type { ClickhouseConfig } from "./config.ts";
import { RowEncoder } from "./encode.ts";
import { inWords, readException, readInsertReply } from "./response.ts";
import { problemsOf, tableColumns } from "./table-columns.ts";

export interface ClickhouseSinkContext {
  readonly clock?: Clock;
}

/** Inserts events into a table of ClickHouse by its HTTP interface. */
export function createClickhouseSink(config: ClickhouseConfig, context: ClickhouseSinkContext = {}): ClickhouseSink {
  return new ClickhouseSink(config, readTlsMaterial(config.tls, config.name), context.clock ?? systemClock);
}

/** One batch, one INSERT. */
export class ClickhouseSink implements Sink {
  readonly type = "clickhouse";
  readonly name: string;
  readonly limits: BatchLimits;
  readonly #config: ClickhouseConfig;
  readonly #clock: Clock;
  readonly #client: HttpClient;
  readonly #encoder: RowEncoder;
  readonly #path: string;
  readonly #settings: Readonly<Record<string, string>>;
  readonly #statement: string;

  constructor(config: ClickhouseConfig, tls: TlsMaterial | undefined, clock: Clock) {
    this.name = config.name;
    this.#config = config;
    this.#clock = clock;
    const endpoint = new URL(config.url);
    this.#path = endpoint.pathname;
    this.#client = new HttpClient({
      endpoint,
      // One more than the pipeline uses, so that a check does not wait behind the batches.
      connections: config.maxInFlight + 1,
      timeoutMs: config.timeoutMs,
      tls,
    });
    this.#encoder = new RowEncoder(config.columns);
    this.#settings = settingsOf(config);
    const columns = Object.keys(config.columns).map((name) => `\`${name}\``);
    this.#statement = `INSERT INTO \`${config.database}\`.\`${config.table}\` (${columns.join(", ")}) FORMAT JSONEachRow`;
    const { maxEvents, maxBytes, maxAgeMs } = config.batch;
    this.limits = { maxEvents, maxBytes, maxEventBytes: maxBytes, maxAgeMs };
  }

  eventBytes(event: CollectedEvent): number {
    return event.bytes.length;
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (batch.length === 0) return { kind: "delivered" };
    const { compression, deduplicate } = this.#config;
    const body = await compress(await this.#encoder.encode(batch), compression);
    const query: Record<string, string> = { ...this.#settings, query: this.#statement };
    if (deduplicate) query["insert_deduplication_token"] = tokenOf(batch);
    const headers: Record<string, string> = { ...this.#credentials() };
    if (compression !== "none") headers["content-encoding"] = compression;
    const result = await this.#client.send({ method: "POST", path: this.#pathOf(query), headers, body }, signal);
    if (result.kind === "no-reply") return { kind: "retryable", reason: result.reason };
    return readInsertReply(result, this.#clock.nowMs());
  }

  /** Reads the table's columns, with the settings of an insert, so that one that the server does not know shows. */
  async check(signal: AbortSignal): Promise<readonly string[]> {
    const { database, table, columns } = this.#config;
    const body = Buffer.from(
      `SELECT name, default_kind FROM system.columns WHERE database = '${database}' AND table = '${table}' FORMAT JSONEachRow`,
    );
    const settings = this.#config.deduplicate
      ? { ...this.#settings, insert_deduplication_token: "check" }
      : this.#settings;
    // By POST: ClickHouse lets nobody change settings by GET.
    const request = { method: "POST", path: this.#pathOf(settings), headers: this.#credentials(), body } as const;
    const result = await this.#client.send(request, signal);
    if (result.kind === "no-reply") return [result.reason];
    const present = result.status === 200 ? tableColumns(result.body) : undefined;
    if (present !== undefined) return problemsOf(present, Object.keys(columns), `${database}.${table}`);
    const exception = readException(result) ?? { code: undefined, message: "" };
    return [`the table ${database}.${table} cannot be looked at: ${inWords(result.status, exception)}`];
  }

  close(): Promise<void> {
    return this.#client.close();
  }

  #pathOf(query: Readonly<Record<string, string>>): string {
    return `${this.#path}?${new URLSearchParams(query).toString()}`;
  }

  #credentials(): Record<string, string> {
    const { user, password } = this.#config;
    return { "x-clickhouse-user": user, "x-clickhouse-key": password };
  }
}

function settingsOf({ asyncInsert, settings }: ClickhouseConfig): Record<string, string> {
  // RFC 3339 as senders write it: the usual parser takes neither offsets nor fractions of more than three digits.
  const all: Record<string, string> = { date_time_input_format: "best_effort" };
  // Without waiting, the answer would come before anything is written.
  if (asyncInsert) Object.assign(all, { async_insert: "1", wait_for_async_insert: "1" });
  for (const [name, value] of Object.entries(settings)) {
    all[name] = typeof value === "boolean" ? String(Number(value)) : String(value);
  }
  return all;
}

/** Follows from the events and their order, whose bytes differ at least in their place in the journal. */
function tokenOf(batch: Batch): string {
  const hash = createHash("sha256");
  for (const event of batch) hash.update(event.bytes).update("\n");
  return hash.digest("hex").slice(0, 40);
}
