import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../../core/event.ts";
import { IndexNames, indexProblem } from "./index-names.ts";

function eventOf(type: string, receivedMs = Date.UTC(2026, 10, 27, 23, 59)): CollectedEvent {
  return { position: 0, id: "i", type, source: "web", receivedMs, bytes: Buffer.from("{}") };
}

test("a listed type has a name of its own, in lower case and of allowed characters; all others share one", () => {
  const names = new IndexNames({ index: "events-{type}", types: ["Order Placed/EU", "page.viewed"], dataStream: true });
  expect(names.of(eventOf("Order Placed/EU"))).toBe("events-order-placed-eu");
  expect(names.of(eventOf("page.viewed"))).toBe("events-page.viewed");
  expect(names.of(eventOf("../_all"))).toBe("events-other");
  expect(names.patterns()).toEqual(["events-order-placed-eu", "events-page.viewed", "events-other"]);
});

test("the day is that of the receipt in UTC, so that a repetition goes where the first went", () => {
  const names = new IndexNames({ index: "e-{date}", types: [], dataStream: false });
  expect(names.of(eventOf("a"))).toBe("e-2026.11.27");
  expect(names.of(eventOf("a", Date.UTC(2026, 10, 28)))).toBe("e-2026.11.28");
  expect(names.of(eventOf("a"))).toBe("e-2026.11.27");
  expect(new IndexNames({ index: "e-{month}", types: [], dataStream: false }).of(eventOf("a"))).toBe("e-2026.11");
  expect(names.patterns()).toEqual(["e-*"]);
});

test("whatever the type is, the name is one of those that were configured", () => {
  const names = new IndexNames({ index: "events-{type}-{date}", types: ["a", "b"], dataStream: false });
  const known = new Set(["a", "b", "other"].map((type) => `events-${type}-2026.11.27`));
  fc.assert(fc.property(fc.string(), (type) => known.has(names.of(eventOf(type)))));
});

test.each([
  [{ index: "Events" }, "index"],
  [{ index: "_all" }, "index"],
  [{ index: "a,b" }, "index"],
  [{ index: "a*" }, "index"],
  [{ index: "{source}" }, "index"],
  [{ index: "e-{date}", dataStream: true }, "index"],
  [{ index: "e-{type}" }, "types"],
  [{ index: "e", types: ["a"] }, "types"],
  [{ index: "e-{type}", types: ["a b", "A/b"] }, "types"],
  [{ index: "e-{type}", types: ["Other"] }, "types"],
  [{ index: "e-{type}", types: ["x".repeat(200)] }, "types"],
])("refuses %j", (settings, field) => {
  expect(indexProblem({ types: [], dataStream: false, ...settings })?.field).toBe(field);
});
