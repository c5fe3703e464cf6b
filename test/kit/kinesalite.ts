import assert from "node:assert/strict";
import { once } from "node:events";
import type { Server } from "node:http";
import { createRequire } from "node:module";
import {
  CreateStreamCommand,
  DescribeStreamSummaryCommand,
  GetRecordsCommand,
  GetShardIteratorCommand,
  KinesisClient,
  ListShardsCommand,
} from "@aws-sdk/client-kinesis";
import { expect } from "vitest";

const require = createRequire(import.meta.url);

/** Kinesalite in memory with one stream of three shards. */
export async function openKinesalite() {
  const kinesalite: (options: object) => Server = require("kinesalite");
  const server = kinesalite({ createStreamMs: 1 });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null);
  const endpoint = `http://127.0.0.1:${address.port}`;
  // The client's default is HTTP/2, which kinesalite does not speak.
  const { NodeHttpHandler }: { NodeHttpHandler: new () => object } = createRequire(
    require.resolve("@aws-sdk/client-kinesis"),
  )("@smithy/node-http-handler");
  const client = new KinesisClient({
    endpoint,
    region: "us-east-1",
    credentials: { accessKeyId: "test", secretAccessKey: "test" },
    requestHandler: new NodeHttpHandler(),
  });
  await client.send(new CreateStreamCommand({ StreamName: "events", ShardCount: 3 }));
  await expect
    .poll(async () => {
      const { StreamDescriptionSummary: summary } = await client.send(
        new DescribeStreamSummaryCommand({ StreamName: "events" }),
      );
      return summary?.StreamStatus;
    })
    .toBe("ACTIVE");
  return {
    endpoint,
    async readAll(): Promise<{ key: string; data: Buffer }[]> {
      const { Shards: shards = [] } = await client.send(new ListShardsCommand({ StreamName: "events" }));
      const read = [];
      for (const { ShardId } of shards) {
        const { ShardIterator } = await client.send(
          new GetShardIteratorCommand({ StreamName: "events", ShardId, ShardIteratorType: "TRIM_HORIZON" }),
        );
        const { Records: records = [] } = await client.send(new GetRecordsCommand({ ShardIterator }));
        for (const { PartitionKey, Data } of records) {
          read.push({ key: PartitionKey ?? "", data: Buffer.from(Data ?? []) });
        }
      }
      return read;
    },
    async [Symbol.asyncDispose]() {
      client.destroy();
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
}
