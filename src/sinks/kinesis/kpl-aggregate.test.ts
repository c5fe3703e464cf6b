import { hash } from "node:crypto";
import * as fc from "fast-check";
import protobuf from "protobufjs";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { aggregatedBytes, aggregateOverhead, encodeAggregate } from "./kpl-aggregate.ts";

/** As published with the Kinesis Producer Library. */
const PROTO = `
  syntax = "proto2";
  message AggregatedRecord {
    repeated string partition_key_table     = 1;
    repeated string explicit_hash_key_table = 2;
    repeated Record records                 = 3;
  }
  message Tag { required string key = 1; optional string value = 2; }
  message Record {
    required uint64 partition_key_index     = 1;
    optional uint64 explicit_hash_key_index = 2;
    required bytes  data                    = 3;
    repeated Tag    tags                    = 4;
  }`;
const AggregatedRecord = protobuf.parse(PROTO, { keepCase: true }).root.lookupType("AggregatedRecord");

function eventsOf(datas: readonly Uint8Array[]): CollectedEvent[] {
  return datas.map((data, position) => ({
    position,
    id: `id-${position}`,
    type: "t",
    source: "s",
    receivedMs: 0,
    bytes: Buffer.from(data),
  }));
}

const datas = fc.array(
  fc.oneof(fc.uint8Array({ maxLength: 300 }), fc.uint8Array({ minLength: 16_000, maxLength: 17_000 })),
  {
    minLength: 1,
    maxLength: 20,
  },
);

test("another protobuf decoder reads back every event, with the one key and no hash key", () => {
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom("a", "é", "日", "🦥"), minLength: 1, maxLength: 200 }),
      datas,
      (key, bytes) => {
        const aggregate = encodeAggregate(key, eventsOf(bytes));
        const message = aggregate.subarray(4, -16);
        expect(aggregate.subarray(0, 4).toString("hex")).toBe("f3899ac2");
        expect(aggregate.subarray(-16).toString("hex")).toBe(hash("md5", message));
        expect(AggregatedRecord.toObject(AggregatedRecord.decode(message), { longs: Number, bytes: String })).toEqual({
          partition_key_table: [key],
          records: bytes.map((data) => ({ partition_key_index: 0, data: Buffer.from(data).toString("base64") })),
        });
      },
    ),
    { numRuns: 20 },
  );
});

test("sizes are known before anything is encoded", () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, maxLength: 200 }), datas, (key, bytes) => {
      let size = aggregateOverhead(Buffer.byteLength(key));
      for (const data of bytes) size += aggregatedBytes(data.length);
      expect(encodeAggregate(key, eventsOf(bytes)).length).toBe(size);
    }),
    { numRuns: 20 },
  );
});
