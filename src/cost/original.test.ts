import { expect, test } from "vitest";
import { ORIGINAL_ELIXIR } from "./original.ts";

test("no price of a CPU gives any two of the original's figures for its nodes, however they were rounded", () => {
  const prices = ORIGINAL_ELIXIR.map(({ nodes, cpusPerNode, usd }) => ({
    least: (usd - 0.5) / (nodes * (cpusPerNode + 0.05)),
    most: (usd + 0.5) / (nodes * (cpusPerNode - 0.05)),
  }));
  for (const [index, { least }] of prices.entries())
    for (const { most } of prices.slice(0, index)) expect(most).toBeLessThan(least);
});
