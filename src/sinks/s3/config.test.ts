import { expect, test } from "vitest";
import { s3Config } from "./config.ts";

const LEAST = { name: "archive", type: "s3", bucket: "events", region: "us-east-1" };

test("a bucket and its region are enough", () => {
  expect(s3Config.parse(LEAST)).toMatchObject({
    prefix: "",
    format: "ndjson",
    conditionalWrites: true,
    maxInFlight: 1,
    batch: { maxBytes: 32 * 1024 * 1024, maxAgeMs: 60_000 },
    retention: { abortMultipartDays: 7 },
  });
});

test("a prefix is a folder, with or without its slash", () => {
  expect(s3Config.parse({ ...LEAST, prefix: "web" }).prefix).toBe("web/");
  expect(s3Config.parse({ ...LEAST, prefix: "web/" }).prefix).toBe("web/");
});

test.each([
  ["a key that could be another object's", { key: "{prefix}{date}.{ext}" }, "needs {node}"],
  ["NDJSON that no common tool reads", { compression: "snappy" }, "snappy is for format `parquet`"],
  [
    "columns without a format that has them",
    { columns: [{ name: "total", from: "/data/total", type: "double" }] },
    "only objects of format `parquet`",
  ],
  ["a KMS key without KMS", { encryption: { mode: "AES256", kmsKeyId: "alias/x" } }, "only mode `aws:kms`"],
  ["a lock of no length", { objectLock: { mode: "COMPLIANCE" } }, "go together"],
  ["a lock that locks nothing", { objectLock: {} }, "mode and retainDays, or legalHold"],
  ["a lock without a checksum", { objectLock: { legalHold: true }, checksum: "none" }, "Object Lock needs one"],
  [
    "an expiry of what is locked",
    { objectLock: { mode: "GOVERNANCE", retainDays: 30 }, retention: { expireDays: 29 } },
    "cannot expire",
  ],
  [
    "a transition that S3 does not make",
    { retention: { transitions: [{ afterDays: 29, storageClass: "STANDARD_IA" }] } },
    "after 30 days",
  ],
  [
    "a transition behind the expiry",
    { retention: { expireDays: 90, transitions: [{ afterDays: 90, storageClass: "GLACIER" }] } },
    "less than expireDays",
  ],
  [
    "transitions that go back",
    {
      retention: {
        transitions: [
          { afterDays: 90, storageClass: "GLACIER" },
          { afterDays: 60, storageClass: "STANDARD_IA" },
        ],
      },
    },
    "more than that of the transition before",
  ],
  ["parts that S3 does not take", { multipart: { partBytes: "1MiB" } }, "5MiB"],
  ["a batch that would fill the memory", { batch: { maxBytes: "1GiB" } }, "256MiB"],
  ["more tags than S3 takes", { tags: Object.fromEntries(Array.from("abcdefghijk", (tag) => [tag, ""])) }, "10 tags"],
  ["a key it does not know", { folder: "x" }, "Unrecognized key"],
])("refuses %s", (_, change, message) => {
  const result = s3Config.safeParse({ ...LEAST, ...change });
  expect(result.error?.issues.map((issue) => issue.message).join("\n")).toContain(message);
});
