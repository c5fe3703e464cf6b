import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { Registry } from "prom-client";
import { afterAll } from "vitest";
import { elasticsearchConfig, opensearchConfig } from "../../src/sinks/opensearch/config.ts";
import { createOpensearchSink } from "../../src/sinks/opensearch/sink.ts";
import { faultsOn, startBreakableProxy } from "../kit/breakable-proxy.ts";
import { SearchNode, whyNoServer } from "../kit/opensearch.ts";
import { describeSinkConformance, type SinkHarness } from "./sink-conformance.ts";

/** What the sink adds to each document; the rest is the event. */
const ADDED = /^\{"@timestamp":"[^"]*",?/;

const [opensearch, elasticsearch] = await Promise.all([
  SearchNode.start("opensearch"),
  SearchNode.start("elasticsearch"),
]);

afterAll(async () => {
  await opensearch?.[Symbol.asyncDispose]();
  await elasticsearch?.[Symbol.asyncDispose]();
});

async function openHarness(
  node: SearchNode | undefined,
  parse: typeof opensearchConfig | typeof elasticsearchConfig,
  change: Record<string, unknown>,
): Promise<SinkHarness> {
  assert(node !== undefined);
  const index = `events-${randomUUID()}`;
  await node.call("PUT", `/_index_template/${index}`, {
    index_patterns: [index],
    priority: 500,
    template: {
      settings: { number_of_shards: 1, number_of_replicas: 0, "index.mapping.depth.limit": 1_000 },
      mappings: { dynamic: false, properties: { data: { type: "object", enabled: false } } },
    },
    ...(change["dataStream"] === true && { data_stream: {} }),
  });
  await node.call("PUT", change["dataStream"] === true ? `/_data_stream/${index}` : `/${index}`);
  const link = await startBreakableProxy(node.url);
  const config = parse.parse({
    name: "search",
    urls: [link.url],
    index,
    timeoutMs: 30_000,
    batch: { maxEvents: 60, maxBytes: "256KiB" },
    ...change,
  });
  const sink = createOpensearchSink(config, { registry: new Registry() });
  const documents = () => node.documents(index);
  return {
    sink,
    refusesDuplicateKeys: true,
    delivered: async () =>
      [...(await documents()).values()].map((source) =>
        Buffer.from(source.toString("latin1").replace(ADDED, "{"), "latin1"),
      ),
    async countedBytes() {
      let bytes = 0;
      for (const [id, source] of await documents()) bytes += `{"create":{"_id":"${id}"}}\n`.length + source.length + 1;
      return bytes;
    },
    ...faultsOn(link),
    async [Symbol.asyncDispose]() {
      await link[Symbol.asyncDispose]();
      await sink.close();
    },
  };
}

describeSinkConformance(
  "opensearch, a data stream",
  () => openHarness(opensearch, opensearchConfig, { type: "opensearch", dataStream: true }),
  whyNoServer,
);
describeSinkConformance(
  "elasticsearch, an index, not compressed",
  () =>
    openHarness(elasticsearch, elasticsearchConfig, { type: "elasticsearch", dataStream: false, compression: "none" }),
  whyNoServer,
);
