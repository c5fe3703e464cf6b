import { createHash } from "node:crypto";
import { describe, expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { compare, fromMetadata, inscriptionOf, toMetadata } from "./inscription.ts";

function eventsOf(from: number, count: number, name = "id"): CollectedEvent[] {
  return Array.from({ length: count }, (_, index) => {
    const position = from + index;
    return { position, id: `${name}-${position}`, type: "t", source: "s", receivedMs: 0, bytes: Buffer.from("{}") };
  });
}

test("an object says which events it has, so that the ids in it can be checked without us", () => {
  const events = eventsOf(10, 2_500);
  const ids = events.map(({ id }) => `${id}\n`).join("");
  expect(inscriptionOf(events)).toEqual({
    first: 10,
    last: 2_509,
    events: 2_500,
    idsSha256: createHash("sha256").update(ids).digest("hex"),
  });
});

test("what is written on an object is read back", () => {
  const inscription = inscriptionOf(eventsOf(10, 3));
  expect(fromMetadata(toMetadata(inscription))).toEqual(inscription);
});

test.each([
  ["none", {}],
  ["half of ours", { "millrace-first-position": "1" }],
  ["not numbers", { ...toMetadata(inscriptionOf(eventsOf(1, 1))), "millrace-events": "many" }],
])("metadata that is %s says nothing", (_, metadata) => {
  expect(fromMetadata(metadata)).toBeUndefined();
});

describe("an object with our key", () => {
  const object = inscriptionOf(eventsOf(10, 5));

  test("is ours when it has just our events, or the first of them", () => {
    expect(compare(object, eventsOf(10, 5))).toBe("ours");
    expect(compare(object, eventsOf(10, 9))).toBe("ours");
  });

  test("is undecided while it has more than we know of", () => {
    expect(compare(object, eventsOf(10, 4))).toBe("undecided");
  });

  test("is another's when any id, position or number of events differs", () => {
    expect(compare(object, eventsOf(9, 6))).toBe("other");
    expect(compare(object, eventsOf(10, 9, "other"))).toBe("other");
    expect(compare(object, [...eventsOf(10, 2), ...eventsOf(12, 1, "other"), ...eventsOf(13, 2)])).toBe("other");
    expect(compare(object, [...eventsOf(10, 2), ...eventsOf(13, 5)])).toBe("other");
    expect(compare({ ...object, events: 4 }, eventsOf(10, 5))).toBe("other");
    expect(compare({ ...object, last: 13 }, eventsOf(10, 5))).toBe("other");
  });
});
