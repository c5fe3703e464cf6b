import { expect, test } from "vitest";
import type { EventLimits } from "./incoming-event.ts";
import { mappedItem, rest } from "./mapped-event.ts";

const LIMITS: EventLimits = { maxEventBytes: 1_000, maxEventsPerRequest: 5, maxJsonDepth: 4, maxJsonKeys: 50 };

test("a mapped event has its members once, and data that is given as text stays as it was sent", () => {
  const item = mappedItem(
    {
      id: "1",
      type: "checkout.paid",
      time: undefined,
      attributes: { userid: "u", segment: rest({ context: { ip: "::1" } }) },
      data: Buffer.from('{ "total": 12345678901234567890.10 }'),
    },
    LIMITS,
  );
  expect(item).toMatchObject({ kind: "event", event: { id: "1", type: "checkout.paid", rewrite: false } });
  const raw = item.kind === "event" ? item.event.raw.toString() : "";
  expect(raw).toBe(
    '{"id":"1","type":"checkout.paid","userid":"u","segment":"{\\"context\\":{\\"ip\\":\\"::1\\"}}","data":{ "total": 12345678901234567890.10 }}',
  );
});

test("what holds for native events holds for mapped ones", () => {
  const problemOf = (type: unknown, data: unknown): string | undefined => {
    const item = mappedItem({ type, data }, LIMITS);
    return item.kind === "malformed" ? item.malformed.problems[0]?.code : undefined;
  };
  expect(problemOf("a", {})).toBeUndefined();
  expect(problemOf(undefined, {})).toBe("required");
  expect(problemOf(7, {})).toBe("type");
  expect(problemOf("a", "x".repeat(2_000))).toBe("event_too_large");
  expect(problemOf("a", [[[[]]]])).toBe("too_deep");
});

test("nothing is left over of a message whose members all have a place", () => {
  expect(rest({ a: undefined })).toBeUndefined();
});
