import { expect, test } from "vitest";
import { kinesisConfig } from "./config.ts";

const LEAST = { name: "stream", type: "kinesis", stream: "web-events", region: "us-east-1" };
const ARN = "arn:aws:kinesis:eu-west-1:123456789012:stream/web-events";

test("a stream's name and region are enough", () => {
  expect(kinesisConfig.parse(LEAST)).toMatchObject({
    format: "none",
    compression: "none",
    partitionKey: "id",
    maxRecordBytes: 1024 * 1024,
    batch: { maxBytes: 5 * 1024 * 1024, maxAgeMs: 1_000 },
  });
});

test("an ARN tells the region", () => {
  expect(kinesisConfig.safeParse({ name: "stream", type: "kinesis", stream: ARN }).success).toBe(true);
});

test.each([
  ["a stream without a region", { region: undefined }, "needed unless `stream` is an ARN"],
  ["a region that is not the ARN's", { stream: ARN }, "is not the region in the ARN"],
  ["compression of single events", { compression: "gzip" }, "only format `ndjson` can be compressed"],
  ["compressed aggregates", { format: "kpl", compression: "zstd" }, "only format `ndjson` can be compressed"],
  ["more records than a call takes", { batch: { maxEvents: 501 } }, "at most 500"],
  ["a call of more than 10 MiB", { batch: { maxBytes: "11MiB" } }, "10MiB"],
  ["records larger than a stream can take", { maxRecordBytes: "11MiB" }, "10MiB"],
  ["a record target without packing", { recordBytes: "50KiB" }, "no meaning with format `none`"],
  [
    "a record target beyond the limit",
    { format: "kpl", recordBytes: "1MiB", maxRecordBytes: "512KiB" },
    "must not exceed",
  ],
  ["a partition key that is neither word nor pointer", { partitionKey: "userId" }, "JSON Pointer"],
  ["a pointer with a bad escape", { partitionKey: "/a~2" }, "JSON Pointer"],
  ["an endpoint that is not HTTP", { endpoint: "ftp://x" }, "http or https URL"],
  ["a key it does not know", { streamName: "x" }, "Unrecognized key"],
])("refuses %s", (_, change, message) => {
  const result = kinesisConfig.safeParse({ ...LEAST, ...change });
  expect(result.error?.issues.map((issue) => issue.message).join("\n")).toContain(message);
});

test("packed formats take batches of many more events", () => {
  const parsed = kinesisConfig.parse({ ...LEAST, format: "kpl", batch: { maxEvents: 20_000 } });
  expect(parsed.batch.maxEvents).toBe(20_000);
});
