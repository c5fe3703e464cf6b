import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { gunzipSync } from "node:zlib";
import { afterAll, expect, test, vi } from "vitest";
import { firehoseConfig } from "../../src/sinks/firehose/config.ts";
import { createFirehoseSink } from "../../src/sinks/firehose/sink.ts";
import { type AwsServer, createFirehoseStream } from "../kit/aws-call.ts";
import { faultsOn, startBreakableProxy } from "../kit/breakable-proxy.ts";
import { startMoto, whyNoMoto } from "../kit/moto.ts";
import { ArchiveBucket } from "../kit/archive-bucket.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

vi.stubEnv("AWS_PROFILE", undefined);
vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");

/** Header and trailer of each record's gzip, which the limits leave out. */
const GZIP_BYTES = 64;

/** A Firehose stream into a bucket. */
async function openHarness(server: AwsServer | undefined, change: object): Promise<SinkHarness> {
  assert(server !== undefined, "there is a server unless the test is skipped");
  const proxy = await startBreakableProxy(server.url);
  const name = randomUUID();
  const bucket = await ArchiveBucket.create(server.url, name);
  await createFirehoseStream(server, name, name);
  const config = firehoseConfig.parse({
    name: "lake",
    type: "firehose",
    stream: name,
    region: "us-east-1",
    endpoint: proxy.url,
    batch: { maxEvents: 60, maxBytes: "300KiB" },
    ...change,
  });
  const sink = createFirehoseSink(config, {});
  const isGzip = config.compression === "gzip";
  return {
    sink,
    async delivered() {
      const objects = await bucket.readAll();
      // Members of gzip in a row are one text.
      const lines = objects.flatMap((bytes) => (isGzip ? gunzipSync(bytes) : bytes).toString("latin1").split("\n"));
      return lines.filter((line) => line !== "").map((line) => Buffer.from(line, "latin1"));
    },
    async countedBytes() {
      const objects = await bucket.readAll();
      return objects.reduce((sum, { length }) => sum + length - (isGzip ? GZIP_BYTES : 0), 0);
    },
    ...faultsOn(proxy),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await sink.close();
      bucket[Symbol.dispose]();
    },
  };
}

const moto = await startMoto();
afterAll(() => moto?.[Symbol.asyncDispose]());

describeSinkConformance("firehose into S3 (moto)", () => openHarness(moto, { recordBytes: "5KiB" }), whyNoMoto);
describeSinkConformance("firehose into S3, gzip (moto)", () => openHarness(moto, { compression: "gzip" }), whyNoMoto);

test("a stream that is not there is a problem when checked", async (context) => {
  if (moto === undefined) return context.skip(whyNoMoto);
  const config = { name: "lake", type: "firehose", stream: "nowhere", region: "us-east-1", endpoint: moto.url };
  const sink = createFirehoseSink(firehoseConfig.parse(config), {});
  expect(await sink.check(AbortSignal.timeout(5_000))).toEqual([
    expect.stringContaining("there is no such Firehose stream"),
  ]);
  await sink.close();
});
