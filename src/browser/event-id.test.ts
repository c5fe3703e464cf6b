import { expect, test } from "vitest";
import { newEventId } from "./event-id.ts";

test("ids are UUIDs of version 7 that begin with the time", () => {
  const id = newEventId(0x0123456789ab);
  expect(id).toMatch(/^01234567-89ab-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("ids of the same moment differ", () => {
  expect(new Set(Array.from({ length: 1_000 }, () => newEventId(1))).size).toBe(1_000);
});
