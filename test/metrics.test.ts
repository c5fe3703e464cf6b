import { readFileSync } from "node:fs";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { registerAlertMetrics } from "../src/alerts/metrics.ts";
import { registerWorkerMetrics } from "../src/app/worker-metrics.ts";
import { Ledger } from "../src/core/ledger.ts";
import { createIngestMetrics } from "../src/ingest/metrics.ts";
import { createMemoryJournal } from "../src/journal/memory-journal.ts";
import { createJournalMetrics } from "../src/journal/metrics.ts";
import { createPipelineMetrics } from "../src/pipeline/metrics.ts";
import { createFileSinkMetrics } from "../src/sinks/file/metrics.ts";
import { createMemorySinkMetrics } from "../src/sinks/memory/metrics.ts";
import { createOpensearchSinkMetrics } from "../src/sinks/opensearch/metrics.ts";
import { createNotifySinkMetrics } from "../src/sinks/notify/metrics.ts";
import { registerLedgerMetrics } from "../src/telemetry/registry.ts";

test("docs/metrics.md lists exactly the metrics there are, each with its type and labels", async () => {
  const registry = new Registry();
  const ingest = createIngestMetrics(registry);
  ingest.showPendingBytes(() => 0);
  ingest.showCertificateExpiry(() => 0);
  createJournalMetrics(registry);
  createPipelineMetrics(registry);
  createFileSinkMetrics(registry);
  createMemorySinkMetrics(registry);
  createOpensearchSinkMetrics(registry);
  createNotifySinkMetrics(registry);
  registerWorkerMetrics(registry, () => []);
  registerAlertMetrics(registry, () => []);
  registerLedgerMetrics(registry, new Ledger(), createMemoryJournal({ slot: "0", maxBytes: 1_000_000 }));

  const real = registry.getMetricsAsArray().map((metric) => {
    const labels: readonly string[] =
      "labelNames" in metric && Array.isArray(metric.labelNames) ? metric.labelNames : [];
    return `${metric.name} ${metric.constructor.name.toLowerCase()} ${labels.join(", ")}`.trim();
  });
  const page = readFileSync(new URL("../docs/metrics.md", import.meta.url), "utf8");
  const rows = page.matchAll(/^\| `(millrace_\w+)` *\| (\w+) *\| ([^|]*)\|/gm);
  const documented = [...rows].map(([, name, type, labels = ""]) =>
    `${name} ${type} ${labels.replaceAll("`", "").trim()}`.trim(),
  );
  expect(documented.toSorted()).toEqual(real.toSorted());
});
