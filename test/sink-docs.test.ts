import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { parse } from "yaml";
import { z } from "zod";
import { sinkConfig } from "../src/app/sink-config.ts";

const ROOT = path.dirname(import.meta.dirname);
const read = (name: string) => readFileSync(path.join(ROOT, name), "utf8");
const types = readdirSync(path.join(ROOT, "src/sinks"), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map((entry) => entry.name);

/** The blocks of YAML on a page that are a list of sinks. */
function examplesOn(page: string): string[] {
  return [...page.matchAll(/```yaml\n(sinks:\n[\s\S]*?)```/g)].map(([, yaml = ""]) => yaml);
}

test.each(types)("the page of the sink %s has examples that the collector takes", (type) => {
  const examples = examplesOn(read(`docs/sinks/${type}.md`));
  expect(examples.length, "a minimal one and a full one").toBeGreaterThanOrEqual(2);
  for (const yaml of examples) {
    const { sinks } = z.object({ sinks: z.array(z.unknown()) }).parse(parse(yaml));
    for (const sink of sinks) expect(sinkConfig.safeParse(sink).error?.issues ?? [], yaml).toEqual([]);
  }
  expect(examples.some((yaml) => yaml.includes(`type: ${type}`))).toBe(true);
});

test.each(types)("the overview of sinks leads to %s", (type) => {
  expect(read("docs/sinks.md")).toContain(`[\`${type}\`](sinks/${type}.md)`);
});
