import type { ItemIdentifier, SourceRecord } from "./source-record.ts";

/** The answer of a function whose event source mapping has `ReportBatchItemFailures`. */
export interface BatchResponse {
  readonly batchItemFailures: { readonly itemIdentifier: ItemIdentifier }[];
}

/**
 * Names the first failed record of each shard or partition. A retry begins there and brings all
 * that follow, so naming those would say nothing more.
 *
 * @param failed indices of records
 */
export function batchResponse(records: readonly SourceRecord[], failed: ReadonlySet<number>): BatchResponse {
  const first = new Map<string, ItemIdentifier>();
  for (const [index, { partition, identifier }] of records.entries()) {
    if (failed.has(index) && !first.has(partition)) first.set(partition, identifier);
  }
  return { batchItemFailures: [...first.values()].map((itemIdentifier) => ({ itemIdentifier })) };
}
