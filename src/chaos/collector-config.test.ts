import { expect, test } from "vitest";
import { collectorConfig } from "./collector-config.ts";

test("the journals of the most workers that chaos takes fit on its disk, with the 1 MiB that each needs", () => {
  const { journal } = collectorConfig({
    port: 1,
    adminPort: 2,
    workers: 48,
    rate: 1,
    streamUrl: "",
    secondUrl: "",
    dir: "",
    journalDir: "",
    filesDir: "",
    parts: {},
  });
  expect(journal.maxBytes).toBeGreaterThanOrEqual(1024 ** 2);
});
