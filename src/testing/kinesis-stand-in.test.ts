import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { startKinesisStandIn } from "./kinesis-stand-in.ts";

const SIGNATURE = {
  authorization: `AWS4-HMAC-SHA256 Credential=AKTEST/20261123/us-east-1/kinesis/aws4_request, SignedHeaders=host;x-amz-date, Signature=${"0".repeat(64)}`,
  "x-amz-date": "20261123T000000Z",
};

async function call(url: string, operation: string, input: object, headers: Record<string, string> = SIGNATURE) {
  const body = JSON.stringify(input);
  const target = `Kinesis_20131202.${operation}`;
  const response = await fetch(url, { method: "POST", headers: { ...headers, "x-amz-target": target }, body });
  const text = await response.text();
  const reply: Record<string, unknown> = text === "" ? {} : JSON.parse(text);
  return { status: response.status, reply };
}

function recordsOf(count: number) {
  return Array.from({ length: count }, (_, index) => ({ PartitionKey: `k${index}`, Data: "eHg=" }));
}

test.each([
  ["no signature", {}, "MissingAuthenticationTokenException"],
  ["a malformed one", { ...SIGNATURE, authorization: "AWS4-HMAC-SHA256 nonsense" }, "IncompleteSignatureException"],
  ["no date", { authorization: SIGNATURE.authorization }, "IncompleteSignatureException"],
  ["the date of another day", { ...SIGNATURE, "x-amz-date": "20261122T000000Z" }, "IncompleteSignatureException"],
])("a call with %s is refused", async (_, headers, code) => {
  await using standIn = await startKinesisStandIn();
  const { status, reply } = await call(standIn.url, "PutRecords", {}, headers);
  expect({ status, code: reply["__type"] }).toEqual({ status: 400, code });
});

test("streams exist as configured or created", async () => {
  await using standIn = await startKinesisStandIn({ streams: ["one"], maxRecordBytes: 2 * 1024 * 1024 });
  const put = (StreamName: string) => call(standIn.url, "PutRecords", { StreamName, Records: recordsOf(1) });
  expect((await put("one")).status).toBe(200);
  expect((await put("two")).reply["__type"]).toBe("ResourceNotFoundException");
  await call(standIn.url, "CreateStream", { StreamName: "two" });
  expect((await put("two")).status).toBe(200);
  expect((await call(standIn.url, "DescribeStreamSummary", { StreamName: "two" })).reply).toMatchObject({
    StreamDescriptionSummary: { StreamStatus: "ACTIVE", MaxRecordSizeInKiB: 2048 },
  });
});

test("the same seed fails the same records", async () => {
  const outcomes: unknown[] = [];
  for (const seed of [3, 3, 4]) {
    await using standIn = await startKinesisStandIn({ seed, faults: { records: { ratio: 0.5 } } });
    await call(standIn.url, "PutRecords", { StreamName: "s", Records: recordsOf(100) });
    outcomes.push(standIn.records.map(({ partitionKey }) => partitionKey));
  }
  expect(outcomes[0]).toEqual(outcomes[1]);
  expect(outcomes[0]).not.toEqual(outcomes[2]);
});

test("memory stays within the budget while the listener hears of every record", async () => {
  const heard: string[] = [];
  await using standIn = await startKinesisStandIn({
    keepBytes: 10,
    onRecord: ({ partitionKey }) => heard.push(partitionKey),
  });
  await call(standIn.url, "PutRecords", { StreamName: "s", Records: recordsOf(50) });
  expect(heard.length).toBe(50);
  expect(standIn.records.map(({ partitionKey }) => partitionKey)).toEqual(["k45", "k46", "k47", "k48", "k49"]);
  expect(standIn.counts).toMatchObject({ committedRecords: 50, forgottenRecords: 45 });
});

test("a call that waits when the stand-in goes down is never committed", async () => {
  await using standIn = await startKinesisStandIn({ faults: { latencyMs: { min: 50, max: 50 } } });
  const put = call(standIn.url, "PutRecords", { StreamName: "s", Records: recordsOf(1) });
  await delay(20);
  await Promise.all([standIn.down(), expect(put).rejects.toThrow("fetch failed")]);
  await standIn.up();
  await delay(60);
  expect(standIn.records).toEqual([]);
});

test("a stand-in that lies tells of records that they are stored, and has not got them", async () => {
  await using standIn = await startKinesisStandIn({ faults: { lies: { ratio: 0.5 } } });
  const { status, reply } = await call(standIn.url, "PutRecords", { StreamName: "s", Records: recordsOf(100) });
  expect({ status, failed: reply["FailedRecordCount"] }).toEqual({ status: 200, failed: 0 });
  expect(standIn.counts.lies).toBeGreaterThan(0);
  expect(standIn.records.length).toBe(100 - standIn.counts.lies);
});

test("a call that hangs after its commit is stored, and its caller is not told", async () => {
  await using standIn = await startKinesisStandIn({ faults: { calls: { ratio: 1, kinds: ["hang-after-commit"] } } });
  const put = call(standIn.url, "PutRecords", { StreamName: "s", Records: recordsOf(2) });
  await expect.poll(() => standIn.records.length).toBe(2);
  await Promise.all([standIn.down(), expect(put).rejects.toThrow("fetch failed")]);
  expect(standIn.records.map((record) => record.call.told)).toEqual([false, false]);
});
