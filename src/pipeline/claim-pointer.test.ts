import { hash } from "node:crypto";
import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../core/event.ts";
import { partEvent } from "./claim-pointer.ts";
import { joinedWithClaim } from "./testing/fake-claims.ts";

function eventOf(json: string): CollectedEvent {
  return { position: 7, id: "id", type: "t", source: "web", receivedMs: 0, bytes: Buffer.from(json) };
}

test("a pointer has the event's attributes, no data, and a reference with size and digest", () => {
  const parted = partEvent(eventOf('{"specversion":"1.0","id":"a","data":{"n": 1.0},"collector":"c"}'));
  const data = '{"n": 1.0}';
  expect(parted?.claim).toMatchObject({ position: 7, isJson: true, bytes: Buffer.from(data) });
  expect(JSON.parse(String(parted?.pointerTo("file:///x").bytes))).toEqual({
    specversion: "1.0",
    id: "a",
    dataref: "file:///x",
    datasize: 10,
    datasha256: hash("sha256", data),
    collector: "c",
  });
});

test("binary data is stored as the bytes it stands for", () => {
  const parted = partEvent(eventOf('{"data_base64":"AAEC","id":"a"}'));
  expect(parted?.claim).toMatchObject({ isJson: false, bytes: Buffer.from([0, 1, 2]) });
  expect(JSON.parse(String(parted?.pointerTo("s3://b/k").bytes))).toMatchObject({ datasize: 3, databinary: true });
});

test("a name may be written with escapes, and data may have members of its own by these names", () => {
  expect(partEvent(eventOf(String.raw`{"d\u0061ta":{"dataref":1,"data":2}}`))?.claim.bytes.toString()).toBe(
    '{"dataref":1,"data":2}',
  );
});

test.each(["AAEC", "-_-_", "AAE", "AA\\nEC"])("base64 may be written %s", (text) => {
  const parted = partEvent(eventOf(`{"data_base64":"${text}"}`));
  expect(parted?.claim.bytes).toEqual(Buffer.from(text.replace("\\n", ""), "base64"));
});

test("an empty place for binary data is not the data", () => {
  expect(partEvent(eventOf('{"data":[1],"data_base64":null}'))?.claim.bytes.toString()).toBe("[1]");
});

test.each(["not base64!", "AAEC=AAEC", "YR=="])("%s, of which a decoder would lose something, stays whole", (text) => {
  expect(partEvent(eventOf(`{"data_base64":"${text}"}`))).toBeUndefined();
});

test.each(['{"id":"a"}', "{}", '{"data":1,"dataref":"x"}', '{"datasha256":"x","data":1}'])(
  "%s cannot go by claim check",
  (json) => {
    expect(partEvent(eventOf(json))).toBeUndefined();
  },
);

test("whatever an event is, with its data put back it is the same again, byte for byte", () => {
  const attributes = fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 4 });
  const data = fc.oneof(
    fc.jsonValue().map((value) => ({ data: value })),
    fc.uint8Array().map((bytes) => ({ data_base64: Buffer.from(bytes).toString("base64") })),
  );
  const spaces = fc.constantFrom(undefined, 1, "\t");
  fc.assert(
    fc.property(attributes, data, attributes, spaces, (before, member, after, space) => {
      const event = eventOf(JSON.stringify({ ...before, ...member, ...after }, undefined, space));
      const parted = partEvent(event);
      fc.pre(parted !== undefined);
      if (parted === undefined) return;
      const pointer = parted.pointerTo('file:///a"b\\c');
      expect(() => void JSON.parse(pointer.bytes.toString())).not.toThrow();
      const plain = parted.pointerTo("uri");
      // Base64 in another spelling would come back in the usual one; ours is that already.
      const colon = space === undefined ? ":" : ": ";
      const joined = joinedWithClaim(plain.bytes, () => parted.claim.bytes).toString();
      expect(joined.replace(/"(data(?:_base64)?)": ?/, `"$1"${colon}`)).toBe(
        event.bytes.toString().replace(/"(data(?:_base64)?)": ?/, `"$1"${colon}`),
      );
    }),
  );
});
