import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { EventDraft } from "../core/event.ts";
import { claimedFrameBytes, decodeFrame, encodeFrame, frameBytes, framePosition, isIntactFrame } from "./frame.ts";

const name = fc.string({ unit: "binary", maxLength: 60 }).filter((text) => text.isWellFormed());
const drafts: fc.Arbitrary<EventDraft> = fc.record({
  id: name,
  type: name,
  source: name,
  receivedMs: fc.maxSafeNat(),
  head: fc.uint8Array({ maxLength: 100 }),
  body: fc.uint8Array({ maxLength: 2_000 }),
  tail: fc.uint8Array({ maxLength: 100 }),
  closing: fc.string({ unit: "binary-ascii", maxLength: 20 }),
});

function encoded(draft: EventDraft, position: number, start: number) {
  const buffer = Buffer.alloc(start + frameBytes(draft) + 5, 0xff);
  return { buffer, event: encodeFrame(buffer, start, draft, position) };
}

test("a frame decodes to the event it was made of, wherever it lies", () => {
  fc.assert(
    fc.property(drafts, fc.maxSafeNat(), fc.nat(50), (draft, position, start) => {
      const { buffer, event } = encoded(draft, position, start);
      const bytes = claimedFrameBytes(buffer, start) ?? 0;
      expect(bytes).toBe(frameBytes(draft));
      expect(isIntactFrame(buffer, start, bytes)).toBe(true);
      expect(framePosition(buffer, start)).toBe(position);
      expect(decodeFrame(buffer, start, bytes)).toEqual(event);
      expect(event.bytes).toEqual(Buffer.concat([draft.head, draft.body, draft.tail, Buffer.from(draft.closing)]));
    }),
    { numRuns: 200 },
  );
});

test("a frame with any byte changed is not taken for good", () => {
  fc.assert(
    fc.property(drafts, fc.nat(), fc.integer({ min: 1, max: 255 }), (draft, at, flip) => {
      const { buffer } = encoded(draft, 7, 0);
      const size = frameBytes(draft);
      buffer.writeUInt8(buffer.readUInt8(at % size) ^ flip, at % size);
      const claimed = claimedFrameBytes(buffer, 0);
      const good = claimed === size && isIntactFrame(buffer, 0, size);
      expect(good).toBe(false);
    }),
    { numRuns: 200 },
  );
});

test("the event's bytes are the buffer's own, not a copy", () => {
  const { buffer, event } = encoded(
    {
      id: "a",
      type: "t",
      source: "s",
      receivedMs: 0,
      head: Buffer.from("{"),
      body: Buffer.from("1"),
      tail: Buffer.from("2"),
      closing: "}",
    },
    0,
    0,
  );
  expect(event.bytes.buffer).toBe(buffer.buffer);
});
