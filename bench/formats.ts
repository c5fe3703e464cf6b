// npm run bench:formats: what an event takes on the disk, and what it costs to write, by format: NDJSON, and Parquet
// by the encoder that ships with Millrace and by DuckDB. Each encodes the same batch; the CPU is that of the whole
// process with all of its threads. Then, what is left to the thread that hands a batch to the encoder.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { parseArgs } from "node:util";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import type { CollectedEvent } from "../src/core/event.ts";
import { seededRandom } from "../src/core/seeded-random.ts";
import { encodeNdjson } from "../src/formats/ndjson.ts";
import { ParquetEncoder } from "../src/formats/parquet/parquet-encoder.ts";
import { ParquetFile } from "../src/formats/parquet/parquet-file.ts";
import { encodeLines } from "../src/sinks/file/encode.ts";
import { median } from "./measurement.ts";
import { numberOption } from "./number-option.ts";
import { SAMPLE_EVENT_BYTES } from "./sample-event.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "40000" },
    rounds: { type: "string", default: "7" },
    json: { type: "boolean", default: false },
  },
});
const count = numberOption("events", values.events, { whole: true });
const rounds = numberOption("rounds", values.rounds, { whole: true });

interface Format {
  readonly name: string;
  /** Encodes the batch; the bytes it takes. */
  readonly encode: () => number | Promise<number>;
}

interface Result {
  readonly name: string;
  readonly bytesPerEvent: number;
  readonly cpuMicrosPerEvent: number;
  readonly minCpuMicrosPerEvent: number;
}

const scratch = mkdtempSync(path.join(tmpdir(), "millrace-bench-"));
const events = storedEvents(count);
const lines = encodeNdjson(events);
const instance = await DuckDBInstance.create(":memory:", { threads: "1" });
const duckdb = await instance.connect();

const COMPRESSIONS = ["none", "snappy", "gzip", "zstd"] as const;

const formats: readonly Format[] = [
  ...(["none", "gzip", "zstd"] as const).map((compression) => ({
    name: `NDJSON, ${compression}`,
    encode: async () => (await encodeLines(events, compression)).length,
  })),
  ...COMPRESSIONS.map((compression) => ({ name: `Parquet, ${compression}`, encode: () => parquet(compression) })),
  ...COMPRESSIONS.map((compression) => ({
    name: `Parquet by DuckDB, ${compression}`,
    encode: () => parquetByDuckDB(duckdb, compression),
  })),
];

try {
  const samples = new Map<Format, { bytes: number; cpu: number[] }>();
  // Round by round, so that what else the machine does meets all formats alike. The first warms up.
  for (let round = 0; round <= rounds; round++) {
    for (const format of formats) {
      const before = process.cpuUsage();
      const bytes = await format.encode();
      const { user, system } = process.cpuUsage(before);
      const sample = samples.get(format) ?? { bytes, cpu: [] };
      samples.set(format, sample);
      if (round > 0) sample.cpu.push((user + system) / count);
    }
  }
  const results = [...samples].map(([{ name }, { bytes, cpu }]): Result => {
    return {
      name,
      bytesPerEvent: bytes / count,
      cpuMicrosPerEvent: median(cpu),
      minCpuMicrosPerEvent: Math.min(...cpu),
    };
  });
  const handing = await handingOver();
  if (values.json) {
    console.log(
      JSON.stringify({ events: count, storedBytes: lines.length / count, results, handingOver: handing }, null, 2),
    );
  } else {
    console.log(
      `${count} events of ${SAMPLE_EVENT_BYTES} bytes as sent, ${(lines.length / count).toFixed(0)} as stored; median of ${rounds} rounds\n`,
    );
    console.log("| Format | Bytes an event | CPU µs an event (least) |\n| --- | ---: | ---: |");
    for (const { name, bytesPerEvent, cpuMicrosPerEvent, minCpuMicrosPerEvent } of results)
      console.log(
        `| ${name} | ${bytesPerEvent.toFixed(0)} | ${cpuMicrosPerEvent.toFixed(2)} (${minCpuMicrosPerEvent.toFixed(2)}) |`,
      );
    console.log(
      `\nThe thread that hands ${handing.batches} batches to the encoder: ${handing.cpuMicrosPerEvent.toFixed(2)} µs an event, ${handing.cpuMicrosPerMiB.toFixed(0)} µs a step of 1 MiB.`,
    );
  }
} finally {
  duckdb.closeSync();
  instance.closeSync();
  rmSync(scratch, { recursive: true, force: true });
}

function parquet(compression: (typeof COMPRESSIONS)[number]): number {
  const file = new ParquetFile({ compression, columns: [] });
  for (const { position, bytes } of events) file.add(position, bytes);
  return file.finish().length;
}

/** The events as a file of NDJSON, which DuckDB makes into the same columns; without `envelope`, so not byte for byte. */
async function parquetByDuckDB(
  connection: DuckDBConnection,
  compression: (typeof COMPRESSIONS)[number],
): Promise<number> {
  const from = path.join(scratch, "events.ndjson");
  const to = path.join(scratch, "events.parquet");
  writeFileSync(from, encodeNdjson(events));
  const codec = compression === "none" ? "uncompressed" : compression;
  await connection.run(`copy (
      select row_number() over () as position, id, type, source, subject, time, receivedtime, clientip, useragent, collector,
        datacontenttype, dataschema, data
      from read_json('${from}', format = 'newline_delimited', columns = {
        id: 'varchar', type: 'varchar', source: 'varchar', subject: 'varchar', time: 'timestamptz', receivedtime: 'timestamptz',
        clientip: 'varchar', useragent: 'varchar', collector: 'varchar', datacontenttype: 'varchar', dataschema: 'varchar', data: 'json'
      })) to '${to}' (format parquet, codec '${codec}')`);
  return readFileSync(to).length;
}

/** What is left to the thread that hands batches to the encoder and gets files back. Its CPU, since time depends on what else runs. */
async function handingOver(): Promise<{ batches: number; cpuMicrosPerEvent: number; cpuMicrosPerMiB: number }> {
  const batches = 5;
  const encoder = new ParquetEncoder({ compression: "zstd", columns: [] });
  await encoder.encode(events.slice(0, 1));
  const before = process.threadCpuUsage();
  for (let batch = 0; batch < batches; batch++) await encoder.encode(events);
  const { user, system } = process.threadCpuUsage(before);
  await encoder.close();
  const mib = (batches * lines.length) / 1024 ** 2;
  return { batches, cpuMicrosPerEvent: (user + system) / (batches * count), cpuMicrosPerMiB: (user + system) / mib };
}

/** Checkouts as different from each other as a shop's are, as the journal hands them out; the same ones each time. */
function storedEvents(howMany: number): CollectedEvent[] {
  const random = seededRandom(4711);
  const below = (limit: number): number => Math.floor(random() * limit);
  const hex = (digits: number): string => Array.from({ length: digits }, () => below(16).toString(16)).join("");
  const price = (): number => below(20_000) / 100;
  return Array.from({ length: howMany }, (_, position) => {
    const ms = Date.UTC(2026, 10, 27, 12) + position;
    const received = new Date(ms).toISOString();
    const event = {
      type: ["checkout.paid", "cart.changed", "page.viewed"][below(3)],
      id: `${hex(8)}-${hex(4)}-4${hex(3)}-a${hex(3)}-${hex(12)}`,
      time: new Date(ms - below(2_000)).toISOString(),
      data: {
        orderId: `ord_${hex(10)}`,
        userId: `usr_${below(50_000).toString(36).toUpperCase().padStart(14, "0")}`,
        total: price(),
        currency: ["EUR", "USD", "GBP"][below(3)],
        items: [
          {
            sku: `MR-${1_000 + below(500)}-BLK`,
            name: "Trail shoe, black, 42",
            quantity: 1 + below(3),
            price: price(),
          },
          { sku: `MR-${1_000 + below(500)}-GRY`, name: "Running sock, grey", quantity: 1 + below(9), price: price() },
        ],
        page: {
          url: `https://shop.example/checkout/${below(1_000)}`,
          referrer: `https://shop.example/p/${below(1_000)}`,
        },
        coupon: null,
        newCustomer: below(2) === 0,
        note: "",
      },
    };
    event.data.note = "x".repeat(Math.max(0, SAMPLE_EVENT_BYTES - JSON.stringify(event).length));
    const agent = `Mozilla/5.0 (X11; Linux x86_64; rv:${130 + below(20)}.0) Gecko/20100101 Firefox/${130 + below(20)}.0`;
    const json = `{"specversion":"1.0","source":"web",${JSON.stringify(event).slice(1, -1)},"receivedtime":"${received}","clientip":"203.0.${below(256)}.0","useragent":"${agent}","collector":"node-1/0-${position}"}`;
    return { position, id: event.id, type: "", source: "web", receivedMs: ms, bytes: Buffer.from(json) };
  });
}
