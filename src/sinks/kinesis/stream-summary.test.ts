import { expect, test } from "vitest";
import { problemsOf, readStreamSummary } from "./stream-summary.ts";

const CONFIG = { format: "kpl", partitionKey: "id", maxRecordBytes: 1024 * 1024 } as const;

function problems(summary: object, config: Parameters<typeof problemsOf>[1] = CONFIG): string[] {
  const read = readStreamSummary(Buffer.from(JSON.stringify({ StreamDescriptionSummary: summary })));
  expect(read).toBeDefined();
  return read === undefined ? [] : problemsOf(read, config);
}

test("an active stream has no problems, also where newer fields are not told", () => {
  expect(problems({ StreamStatus: "ACTIVE" })).toEqual([]);
  expect(
    problems({
      StreamStatus: "UPDATING",
      MaxRecordSizeInKiB: 10_240,
      RecordDistributionStrategy: "USER_PARTITION_KEY",
    }),
  ).toEqual([]);
});

test("a stream that cannot be written, or takes smaller records, is a problem", () => {
  expect(problems({ StreamStatus: "DELETING" })).toEqual([expect.stringContaining("DELETING")]);
  expect(problems({ StreamStatus: "ACTIVE", MaxRecordSizeInKiB: 512 })).toEqual([
    expect.stringContaining("524288 bytes"),
  ]);
});

test("on a stream that ignores partition keys, aggregates and order are problems", () => {
  const auto = { StreamStatus: "ACTIVE", RecordDistributionStrategy: "AUTO" };
  expect(problems(auto)).toEqual([expect.stringContaining("silently drop")]);
  expect(problems(auto, { ...CONFIG, format: "none", partitionKey: "/user" })).toEqual([
    expect.stringContaining("order"),
  ]);
  expect(problems(auto, { ...CONFIG, format: "none" })).toEqual([]);
});

test("any other reply is not a summary", () => {
  for (const body of ["", "{}", "null", '{"StreamDescriptionSummary":[]}']) {
    expect(readStreamSummary(Buffer.from(body))).toBeUndefined();
  }
});
