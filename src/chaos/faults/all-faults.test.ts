import { readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { ALL_FAULTS, USUAL_FAULTS } from "./all-faults.ts";

test("every fault has a name of its own and is documented", () => {
  const names = ALL_FAULTS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
  const documented = readFileSync(path.join(import.meta.dirname, "../../../docs/chaos.md"), "utf8");
  expect(names.filter((name) => !documented.includes(`| \`${name}\``))).toEqual([]);
});

test("a sink that lies comes only when it is asked for", () => {
  expect(USUAL_FAULTS.map(({ name }) => name)).not.toContain("sink-lies");
  expect(USUAL_FAULTS.length).toBe(ALL_FAULTS.length - 1);
});
