import { createRequire } from "node:module";

interface UserRecord {
  /** Base64. */
  readonly data: string;
}

interface Deaggregator {
  deaggregateSync(
    record: { readonly data: string; readonly partitionKey: string },
    computeChecksums: boolean,
    done: (error: Error | undefined, records: readonly UserRecord[] | undefined) => void,
  ): void;
}

const aggregation = createRequire(import.meta.url)("aws-kinesis-agg") as Deaggregator;

/** The records of a KPL aggregate as AWS's own library for consumers reads them. */
export function deaggregate(data: Buffer, partitionKey: string): Buffer[] {
  let read: readonly UserRecord[] | undefined;
  aggregation.deaggregateSync({ data: data.toString("base64"), partitionKey }, true, (error, records) => {
    if (error) throw error;
    read = records;
  });
  if (read === undefined) throw new Error("the aggregate could not be read");
  return read.map((record) => Buffer.from(record.data, "base64"));
}
