// The destination of the benchmark over TLS, in a process of its own so that its CPU time is not
// counted, and as cheap as it can be, since it shares the machine with what is measured: it counts
// what PutRecords brings and takes nothing apart. What a Kinesis may answer otherwise is tested with
// the stand-in of millrace/testing.
import { once } from "node:events";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { FIRST } from "../../src/ingest/tls/tls-fixture.ts";
import type { KinesisCounts } from "./tls-kinesis.ts";

/** A PUT payload unit, as it is billed. */
const UNIT_BYTES = 25 * 1024;

const counts = { calls: 0, records: 0, bytes: 0, units: 0 };

const server = createServer({ cert: FIRST.cert, key: FIRST.key }, (request, response) => void serve(request, response));
server.keepAliveTimeout = 600_000;
server.listen(0, "127.0.0.1");
await once(server, "listening");
process.on("message", (command: "counts" | "down") => {
  if (command === "down") {
    server.close();
    server.closeAllConnections();
  }
  process.send?.(counts satisfies KinesisCounts);
});
process.on("disconnect", () => process.exit());
process.send?.({ port: (server.address() as AddressInfo).port });

async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const input = JSON.parse(Buffer.concat(chunks).toString("latin1")) as {
    readonly Records?: readonly { readonly PartitionKey: string; readonly Data: string }[];
  };
  const reply = input.Records === undefined ? summary() : take(input.Records);
  response.writeHead(200, {
    "content-type": "application/x-amz-json-1.1",
    "content-length": Buffer.byteLength(reply),
  });
  response.end(reply);
}

function take(records: readonly { readonly PartitionKey: string; readonly Data: string }[]): string {
  counts.calls++;
  const entries: string[] = [];
  for (const { PartitionKey: key, Data: data } of records) {
    const bytes = Buffer.byteLength(data, "base64") + key.length;
    counts.records++;
    counts.bytes += bytes;
    counts.units += Math.ceil(bytes / UNIT_BYTES);
    const number = String(counts.records).padStart(54, "0");
    entries.push(`{"SequenceNumber":"49${number}","ShardId":"shardId-000000000000"}`);
  }
  return `{"FailedRecordCount":0,"Records":[${entries.join(",")}]}`;
}

function summary(): string {
  return JSON.stringify({
    StreamDescriptionSummary: {
      StreamName: "bench",
      StreamARN: "arn:aws:kinesis:us-east-1:000000000000:stream/bench",
      StreamStatus: "ACTIVE",
      StreamModeDetails: { StreamMode: "PROVISIONED" },
      RetentionPeriodHours: 24,
      StreamCreationTimestamp: 0,
      EnhancedMonitoring: [],
      OpenShardCount: 1,
      ConsumerCount: 0,
    },
  });
}
