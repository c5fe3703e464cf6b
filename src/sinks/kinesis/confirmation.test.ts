import * as fc from "fast-check";
import { expect, test } from "vitest";
import { confirmsAll } from "./confirmation.ts";

const TAKEN =
  '{"SequenceNumber":"49590338271490256608559692538361571095921575989136588898","ShardId":"shardId-000000000000"}';
const TWO = `{"FailedRecordCount":0,"Records":[${TAKEN},${TAKEN}]}`;

const confirms = (reply: string, records = 2): boolean => confirmsAll(Buffer.from(reply), records);

test("a reply that takes every record is believed, on encrypted streams too", () => {
  expect(confirms(TWO)).toBe(true);
  expect(confirms(TWO.replace("{", '{"EncryptionType":"KMS",'))).toBe(true);
  expect(confirms(TWO.replace(/}$/, ',"EncryptionType":"KMS"}'))).toBe(true);
});

test.each([
  ["of fewer records", TWO, 3],
  ["of more records", TWO, 1],
  ["of no records, for one", '{"FailedRecordCount":0,"Records":[]}', 1],
  ["that counts failures", TWO.replace(":0,", ":1,"), 2],
  ["without a sequence number", TWO.replace(/"49\d+"/, '""'), 2],
  ["with an error in it", TWO.replace(',"ShardId"', ',"ErrorCode":"InternalFailure","ShardId"'), 2],
  ["with more after it", `${TWO}x`, 2],
  ["with a record too many in its end", TWO.replace("]}", `,${TAKEN}]}`), 2],
  ["with spaces", TWO.replaceAll(":", ": "), 2],
  ["that is empty", "", 0],
])("a reply %s is left to the parser", (_, reply, records) => {
  expect(confirms(reply, records)).toBe(false);
});

test("a reply that was cut or altered anywhere is not believed, unless it still says the same", () => {
  const places = fc.nat(TWO.length - 1);
  fc.assert(
    fc.property(places, fc.constantFrom("", "}", '"', "\\", "7", ",", "é"), (place, other) => {
      expect(confirms(TWO.slice(0, place))).toBe(false);
      const altered = TWO.slice(0, place) + other + TWO.slice(place + 1);
      if (!confirms(altered)) return;
      const record = {
        SequenceNumber: expect.stringMatching(/^\d+$/),
        ShardId: expect.stringMatching(/^shardId-\d*$/),
      };
      expect(JSON.parse(altered)).toEqual({ FailedRecordCount: 0, Records: [record, record] });
    }),
  );
});
