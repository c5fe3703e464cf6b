import * as fc from "fast-check";
import { expect, test } from "vitest";
import { headerText, MessageEncoder } from "./encode.ts";

const ENCODERS = [
  { subject: "e.{type}", headers: "cloudevents", stream: "S" },
  { subject: "e", headers: "none", stream: undefined },
] as const;

test("a message counts exactly for what it has, whatever the event", () => {
  const name = fc.string({ unit: "binary", maxLength: 40 });
  for (const config of ENCODERS) {
    const encoder = new MessageEncoder(config);
    fc.assert(
      fc.property(name, name, (id, type) => {
        const event = { position: 0, id, type, source: "web", receivedMs: 0, bytes: Buffer.from("{}") };
        const message = encoder.message(event);
        expect(message.bytes).toBe(encoder.messageBytes(event));
        expect(message.bytes).toBe(message.headers.encode().length + 2);
      }),
    );
  }
});

test("header values are printable ASCII without spaces, and different ones stay different", () => {
  const text = fc.string({ unit: "grapheme", maxLength: 20 });
  fc.assert(
    fc.property(text, (value) => {
      expect(headerText(value)).toMatch(/^[!#$%&-~]*$/);
      expect(decodeURIComponent(headerText(value))).toBe(value);
    }),
  );
  expect(headerText("a\r\nb: 1%")).toBe("a%0D%0Ab:%201%25");
});
