import type { Scenario } from "../scenario.ts";
import { durable } from "./durable.ts";
import { hourly } from "./hourly.ts";
import { latency, sinkDead } from "./latency.ts";
import { batch, ndjson, single } from "./saturation.ts";
import { start } from "./start.ts";
import { workers } from "./workers.ts";

export const ALL_SCENARIOS: readonly Scenario[] = [
  single,
  batch,
  ndjson,
  durable,
  workers,
  latency,
  sinkDead,
  start,
  hourly,
];
