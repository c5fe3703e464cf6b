import { expect, test } from "vitest";
import { readPutRecords } from "./put-records-request.ts";

const MIB = 1024 * 1024;
const RECORD = { PartitionKey: "k", Data: "eA==" };

function base64Of(bytes: number): string {
  return Buffer.alloc(bytes).toString("base64");
}

test("takes calls up to every limit", () => {
  expect(
    readPutRecords(
      Array.from({ length: 500 }, () => RECORD),
      MIB,
    ),
  ).toMatchObject({ kind: "records" });
  expect(readPutRecords([{ PartitionKey: "é".repeat(256), Data: "" }], MIB)).toMatchObject({ kind: "records" });
  expect(readPutRecords([{ PartitionKey: "k", Data: base64Of(MIB - 1) }], MIB)).toMatchObject({ kind: "records" });
  expect(readPutRecords([{ PartitionKey: "k", Data: base64Of(10 * MIB - 1) }], 10 * MIB)).toMatchObject({
    kind: "records",
  });
});

test.each([
  ["no records", [], "ValidationException"],
  ["records that are no list", {}, "ValidationException"],
  ["501 records", Array.from({ length: 501 }, () => RECORD), "ValidationException"],
  ["an empty key", [{ ...RECORD, PartitionKey: "" }], "ValidationException"],
  ["a missing key", [{ Data: "eA==" }], "ValidationException"],
  ["a key of 257 characters", [{ ...RECORD, PartitionKey: "k".repeat(257) }], "ValidationException"],
  ["missing data", [{ PartitionKey: "k" }], "ValidationException"],
  ["data that is not base64", [{ ...RECORD, Data: "{}" }], "SerializationException"],
  ["a record of 1 MiB and its key", [{ PartitionKey: "k", Data: base64Of(MIB) }], "ValidationException"],
  ["a hash key beyond 128 bits", [{ ...RECORD, ExplicitHashKey: String(2n ** 128n) }], "InvalidArgumentException"],
])("refuses %s", (_, records, code) => {
  expect(readPutRecords(records, MIB)).toMatchObject({ kind: "refusal", code });
});

test("refuses a call of more than 10 MiB, keys included", () => {
  const records = Array.from({ length: 11 }, () => ({ PartitionKey: "k", Data: base64Of(MIB - 1) }));
  expect(readPutRecords(records.slice(1), MIB)).toMatchObject({ kind: "records" });
  expect(readPutRecords(records, MIB)).toMatchObject({ kind: "refusal", code: "InvalidArgumentException" });
});
