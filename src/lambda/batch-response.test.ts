import { expect, test } from "vitest";
import { batchResponse } from "./batch-response.ts";
import type { SourceRecord } from "./source-record.ts";

function kafkaRecord(partition: number, offset: number): SourceRecord {
  const name = `events-${partition}`;
  return { identifier: { partition: name, offset }, partition: name, data: Buffer.alloc(0), arrivedMs: 0 };
}

test("nothing failed, nothing is named", () => {
  expect(batchResponse([kafkaRecord(0, 1)], new Set())).toEqual({ batchItemFailures: [] });
});

test("of each partition the first failed record is named, wherever the others' are", () => {
  const records = [kafkaRecord(0, 10), kafkaRecord(0, 11), kafkaRecord(1, 7), kafkaRecord(1, 8), kafkaRecord(2, 3)];
  expect(batchResponse(records, new Set([3, 1, 2]))).toEqual({
    batchItemFailures: [
      { itemIdentifier: { partition: "events-0", offset: 11 } },
      { itemIdentifier: { partition: "events-1", offset: 7 } },
    ],
  });
});
