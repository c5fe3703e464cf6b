import { LOG_RECORD_SHAPE, METRIC_SHAPE, type Shape, SPAN_SHAPE } from "./otlp-shapes.ts";

/** One of the three kinds of telemetry that OTLP carries, by the names it gives its parts. */
export interface Signal {
  readonly path: string;
  /** Of the events that are made of it, unless they name their own. */
  readonly type: string;
  /** Members of its JSON that hold the list of resources, of scopes, and of records, spans or metrics. */
  readonly resources: string;
  readonly scopes: string;
  readonly items: string;
  readonly itemShape: Shape;
  /** The member of a partial success that counts what was rejected. */
  readonly rejected: string;
}

export const LOGS: Signal = {
  path: "/v1/logs",
  type: "otlp.log",
  resources: "resourceLogs",
  scopes: "scopeLogs",
  items: "logRecords",
  itemShape: LOG_RECORD_SHAPE,
  rejected: "rejectedLogRecords",
};

export const TRACES: Signal = {
  path: "/v1/traces",
  type: "otlp.traces",
  resources: "resourceSpans",
  scopes: "scopeSpans",
  items: "spans",
  itemShape: SPAN_SHAPE,
  rejected: "rejectedSpans",
};

export const METRICS: Signal = {
  path: "/v1/metrics",
  type: "otlp.metrics",
  resources: "resourceMetrics",
  scopes: "scopeMetrics",
  items: "metrics",
  itemShape: METRIC_SHAPE,
  rejected: "rejectedDataPoints",
};

export const SIGNALS: readonly Signal[] = [LOGS, TRACES, METRICS];
