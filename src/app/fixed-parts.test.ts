import { expect, test } from "vitest";
import { millraceConfig } from "./config.ts";
import { changedFixedParts, withFixedParts } from "./fixed-parts.ts";

const BASE = { sources: [{ name: "web", keys: ["wk_1"] }], sinks: [{ type: "memory", name: "ring" }] };

test("what takes effect at a start only stays as it was at the start, and is told until it is as it was", () => {
  const started = millraceConfig.parse(BASE);
  const next = millraceConfig.parse({
    ...BASE,
    journal: { durability: "memory" },
    listen: { port: 9 },
    sources: [{ name: "app", keys: ["wk_2"] }],
  });
  expect(changedFixedParts(started, next)).toEqual(["listen", "journal"]);
  expect(changedFixedParts(started, started)).toEqual([]);
  expect(withFixedParts(started, next)).toEqual({ ...started, sources: next.sources });
});
