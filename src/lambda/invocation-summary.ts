import type { Delivered } from "./delivery.ts";
import type { StreamBatch } from "./stream-batch.ts";

const NAMESPACE = "Millrace/Lambda";

const METRICS = [
  { Name: "records", Unit: "Count" },
  { Name: "events", Unit: "Count" },
  { Name: "poison", Unit: "Count" },
  { Name: "failedRecords", Unit: "Count" },
  { Name: "durationMs", Unit: "Milliseconds" },
];

/**
 * One line of the log for each invocation, which is its ledger: events = the sum of each sink's
 * outcomes and what it left to the next invocation. CloudWatch makes metrics of it, by
 * its Embedded Metric Format
 * (https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html).
 */
export function summaryLine(
  batch: StreamBatch,
  sinks: Delivered["counts"],
  failedRecords: number,
  durationMs: number,
  nowMs: number,
): string {
  const line = {
    _aws: {
      Timestamp: nowMs,
      CloudWatchMetrics: [
        {
          Namespace: NAMESPACE,
          Dimensions: [["FunctionName"]],
          Metrics: METRICS,
        },
      ],
    },
    FunctionName: process.env["AWS_LAMBDA_FUNCTION_NAME"] ?? "local",
    msg: "batch",
    records: batch.records.length,
    events: batch.events.length,
    poison: batch.poison.length,
    failedRecords,
    durationMs: Math.round(durationMs),
    sinks,
  };
  return `${JSON.stringify(line)}\n`;
}
