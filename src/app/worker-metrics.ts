import { Counter, Gauge, type Registry } from "prom-client";

export interface WorkerFigures {
  readonly slot: string;
  readonly state: string;
  readonly restarts: number;
}

/** Shows how the workers are doing, as their supervisor sees it, read at each scrape. */
export function registerWorkerMetrics(registry: Registry, workers: () => readonly WorkerFigures[]): void {
  const registers = [registry];
  new Gauge({
    name: "millrace_worker_up",
    help: "1 while the worker of a slot works; 0 while it starts, or waits to be restarted.",
    labelNames: ["worker"],
    registers,
    collect() {
      this.reset();
      for (const { slot, state } of workers()) {
        this.set({ worker: slot }, state === "starting" || state === "waiting" ? 0 : 1);
      }
    },
  });
  new Counter({
    name: "millrace_worker_restarts_total",
    help: "How often the worker of a slot was replaced since the supervisor started.",
    labelNames: ["worker"],
    registers,
    collect() {
      this.reset();
      for (const { slot, restarts } of workers()) this.inc({ worker: slot }, restarts);
    },
  });
}
