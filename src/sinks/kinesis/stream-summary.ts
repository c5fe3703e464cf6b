import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import type { KinesisConfig } from "./config.ts";

/** What DescribeStreamSummary tells, as far as the endpoint knows the fields. */
export interface StreamSummary {
  readonly status: string | undefined;
  /** Largest record, in bytes. Endpoints from before October 2025 do not tell. */
  readonly maxRecordBytes: number | undefined;
  /** True when the service spreads records itself and ignores partition keys (`AUTO`, since 2026). */
  readonly ignoresPartitionKeys: boolean;
}

/** Reads a reply with status 200; `undefined` when it is not what it should be. */
export function readStreamSummary(body: Buffer): StreamSummary | undefined {
  const summary = parseJsonObject(body)?.["StreamDescriptionSummary"];
  if (!isObject(summary)) return undefined;
  const status = summary["StreamStatus"];
  const maxRecordKiB = summary["MaxRecordSizeInKiB"];
  return {
    status: typeof status === "string" ? status : undefined,
    maxRecordBytes: typeof maxRecordKiB === "number" ? maxRecordKiB * 1024 : undefined,
    ignoresPartitionKeys: summary["RecordDistributionStrategy"] === "AUTO",
  };
}

export const KPL_ON_AUTO =
  "the stream's RecordDistributionStrategy is AUTO, where consumers silently drop aggregated records: " +
  "use `format: ndjson` or `none`, or set the stream to USER_PARTITION_KEY";

/** Where stream and configuration do not match, each with what to do. */
export function problemsOf(
  summary: StreamSummary,
  config: Pick<KinesisConfig, "format" | "partitionKey" | "maxRecordBytes">,
): string[] {
  const problems: string[] = [];
  if (summary.status !== "ACTIVE" && summary.status !== "UPDATING") {
    problems.push(`the stream is ${summary.status ?? "in an unknown state"}, not ACTIVE: wait for it, or recreate it`);
  }
  if (summary.maxRecordBytes !== undefined && summary.maxRecordBytes < config.maxRecordBytes) {
    problems.push(
      `the stream takes records of at most ${summary.maxRecordBytes} bytes and maxRecordBytes is ${config.maxRecordBytes}: ` +
        "lower it, or raise MaxRecordSizeInKiB of the stream",
    );
  }
  if (summary.ignoresPartitionKeys && config.format === "kpl") {
    problems.push(KPL_ON_AUTO);
  } else if (summary.ignoresPartitionKeys && config.partitionKey.startsWith("/")) {
    problems.push(
      `the stream's RecordDistributionStrategy is AUTO, so events with equal ${config.partitionKey} are not kept in order: ` +
        "set the stream to USER_PARTITION_KEY, or use `partitionKey: random`",
    );
  }
  return problems;
}
