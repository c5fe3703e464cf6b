import { AggregatorRegistry, type Registry } from "prom-client";
import type { DeskFigures } from "../alerts/alert-desk.ts";
import { registerAlertMetrics } from "../alerts/metrics.ts";
import { createRegistry } from "../telemetry/registry.ts";
import { registerWorkerMetrics, type WorkerFigures } from "./worker-metrics.ts";
import type { MetricFamilies } from "./worker-protocol.ts";

/** What the supervisor measures itself, and shows together with what its workers measure. */
export class NodeMetrics {
  readonly #registry: Registry;

  constructor(workers: () => readonly WorkerFigures[], alerts: () => readonly DeskFigures[]) {
    this.#registry = createRegistry("supervisor");
    registerWorkerMetrics(this.#registry, workers);
    registerAlertMetrics(this.#registry, alerts);
  }

  async text(workers: readonly MetricFamilies[]): Promise<string> {
    return nodeMetrics([await this.#registry.getMetricsAsJSON(), ...workers]);
  }
}

/** Prometheus's text format of what all processes measure. Their series differ in the label `worker`. */
export async function nodeMetrics(processes: readonly MetricFamilies[]): Promise<string> {
  return AggregatorRegistry.aggregate([...processes]).metrics();
}
