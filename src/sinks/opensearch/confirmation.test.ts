import * as fc from "fast-check";
import { expect, test } from "vitest";
import { confirmsAll } from "./confirmation.ts";

function reply(errors: boolean, ids: readonly string[]): Buffer {
  return Buffer.from(
    JSON.stringify({ took: 30, errors, items: ids.map((_id) => ({ create: { _index: "e", _id, status: 201 } })) }),
  );
}

test("confirms a reply without errors that tells of as many events as were sent, whatever their ids", () => {
  fc.assert(
    fc.property(
      fc.array(fc.oneof(fc.string(), fc.constant('{"create":{'), fc.constant("]}")), { maxLength: 9 }),
      (ids) => {
        expect(confirmsAll(reply(false, ids), ids.length)).toBe(true);
        expect(confirmsAll(reply(false, ids), ids.length + 1)).toBe(false);
        expect(confirmsAll(reply(true, ids), ids.length)).toBe(false);
        expect(confirmsAll(reply(false, ids).subarray(0, -1), ids.length)).toBe(false);
      },
    ),
  );
});
