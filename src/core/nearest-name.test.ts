import * as fc from "fast-check";
import { expect, test } from "vitest";
import { nearestName } from "./nearest-name.ts";

test.each([
  ["totl", ["total", "title"], "total"],
  ["tota1", ["items", "total"], "total"],
  ["toatl", ["total"], "total"],
  ["orderId", ["order_id"], "order_id"],
  ["CHECKOUT-PAID", ["checkout.paid"], "checkout.paid"],
  ["note", ["total", "items"], undefined],
  ["a", ["b"], undefined],
  ["", ["a"], undefined],
  ["İ".repeat(255), [`${"İ".repeat(254)}a`], `${"İ".repeat(254)}a`],
  ["x".repeat(1_000), ["x".repeat(999)], undefined],
])("%s means, of %j, %s", (name, candidates, nearest) => {
  expect(nearestName(name, candidates)).toBe(nearest);
});

test("a name with one typing error means the name, whatever else is known", () => {
  const name = fc.stringMatching(/^[a-z0-9_.é]{4,20}$/);
  fc.assert(
    fc.property(name, fc.nat(), fc.constantFrom("", "q", "7", "é"), fc.boolean(), (meant, place, typed, keep) => {
      const at = place % meant.length;
      const written = meant.slice(0, at) + typed + meant.slice(keep ? at : at + 1);
      fc.pre(written !== meant);
      expect(nearestName(written, ["zzzzzzzzzzzz", "x", meant])).toBe(meant);
    }),
  );
});
