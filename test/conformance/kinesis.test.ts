import { vi } from "vitest";
import { pino } from "pino";
import { kinesisConfig } from "../../src/sinks/kinesis/config.ts";
import { createKinesisSink } from "../../src/sinks/kinesis/sink.ts";
import { decodeRecord, type RecordFormat, startKinesisStandIn } from "../../src/testing.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

vi.stubEnv("AWS_PROFILE", undefined);
vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");

/** What the limits of packed formats leave out for each record: key, framing, compression. */
const RECORD_OVERHEAD_BYTES = 600;

async function openHarness(change: { format: RecordFormat; [field: string]: unknown }): Promise<SinkHarness> {
  const standIn = await startKinesisStandIn({ shards: 2 });
  const config = kinesisConfig.parse({
    name: "stream",
    type: "kinesis",
    stream: "events",
    region: "us-east-1",
    endpoint: standIn.url,
    maxRecordBytes: "128KiB",
    batch: { maxEvents: 60, maxBytes: "256KiB" },
    ...change,
  });
  const sink = createKinesisSink(config, { log: pino({ level: "silent" }) });
  return {
    sink,
    delivered: async () =>
      standIn.records
        .flatMap(({ data, partitionKey }) => decodeRecord(data, partitionKey, change.format))
        .map(({ data }) => data),
    async countedBytes() {
      const overhead = change.format === "none" ? 0 : RECORD_OVERHEAD_BYTES;
      let bytes = 0;
      for (const { data, partitionKey } of standIn.records) {
        bytes += data.length + Buffer.byteLength(partitionKey) - overhead;
      }
      return bytes;
    },
    breakDestination: () => standIn.down(),
    repairDestination: () => standIn.up(),
    async stallDestination() {
      standIn.faults = { calls: { ratio: 1, kinds: ["hang"] } };
    },
    async [Symbol.asyncDispose]() {
      await standIn.down();
      await sink.close();
    },
  };
}

describeSinkConformance("kinesis, an event a record", () => openHarness({ format: "none" }));
describeSinkConformance("kinesis, KPL aggregates", () => openHarness({ format: "kpl" }));
describeSinkConformance("kinesis, compressed lines by key", () =>
  openHarness({ format: "ndjson", compression: "zstd", partitionKey: "/n", buckets: 3 }),
);
