import { startFauxqs } from "fauxqs";
import { pino } from "pino";
import { Registry } from "prom-client";
import { afterEach, beforeEach, vi } from "vitest";
import { s3Config } from "../../src/sinks/s3/config.ts";
import { createS3Sink } from "../../src/sinks/s3/sink.ts";
import { linesOf, ArchiveBucket } from "../kit/archive-bucket.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";
import { faultsOn, startBreakableProxy } from "../kit/breakable-proxy.ts";

beforeEach(() => {
  vi.stubEnv("AWS_PROFILE", undefined);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
});

afterEach(() => vi.unstubAllEnvs());

for (const compression of ["none", "gzip", "zstd"] as const) {
  describeSinkConformance(`s3, compression ${compression}`, () => openHarness({ compression }));
}
describeSinkConformance("s3, Parquet", () => openHarness({ format: "parquet" }));

async function openHarness(settings: object): Promise<SinkHarness> {
  const server = await startFauxqs({ port: 0, logger: false });
  const url = `http://127.0.0.1:${server.port}`;
  const proxy = await startBreakableProxy(url);
  const bucket = await ArchiveBucket.create(url, "events");
  const config = s3Config.parse({
    name: "archive",
    type: "s3",
    bucket: "events",
    region: "us-east-1",
    endpoint: proxy.url,
    prefix: "web",
    ...settings,
    batch: { maxEvents: 200, maxBytes: "256KiB" },
  });
  const sink = createS3Sink(config, {
    node: "node",
    slot: "0",
    log: pino({ level: "silent" }),
    registry: new Registry(),
  });
  return {
    sink,
    delivered: async () => linesOf(await bucket.text()),
    countedBytes: async () => (await bucket.text()).length,
    ...faultsOn(proxy),
    [Symbol.asyncDispose]: async () => {
      await proxy[Symbol.asyncDispose]();
      await sink.close();
      bucket[Symbol.dispose]();
      await server.stop();
    },
  };
}
