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
  ["x".repeat(1_000), ["x".repeat(999)], undefined],
])("%s means, of %j, %s", (name, candidates, nearest) => {
  expect(nearestName(name, candidates)).toBe(nearest);
});
