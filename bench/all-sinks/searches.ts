import { Clickhouse, CLICKHOUSE_PASSWORD, debianClickhouse } from "../../test/kit/clickhouse.ts";
import { SearchNode, whyNoServer } from "../../test/kit/opensearch.ts";
import { type Destination, tallyOfIds } from "./destination.ts";

const PAGE = 10_000;

export async function opensearch(): Promise<Destination> {
  const node = await SearchNode.start();
  if (node === undefined) throw new Error(whyNoServer);
  await node.call("PUT", "/_index_template/bench", {
    index_patterns: ["bench*"],
    template: { mappings: { dynamic: false }, settings: { number_of_replicas: 0 } },
  });
  return {
    name: "opensearch",
    server: "OpenSearch, a node",
    yaml: `type: opensearch, urls: ["${node.url}"], index: bench, dataStream: false`,
    wants: "all",
    async stored() {
      await node.call("POST", "/bench/_refresh");
      const ids: string[] = [];
      let page = await node.call("POST", "/bench/_search?scroll=1m", { size: PAGE, _source: false, sort: ["_doc"] });
      for (let found = idsOf(page); found.length > 0; found = idsOf(page)) {
        ids.push(...found);
        page = await node.call("POST", "/_search/scroll", { scroll: "1m", scroll_id: page["_scroll_id"] });
      }
      return tallyOfIds(ids);
    },
    kill: () => node.kill(),
    restart: () => node.restart(),
    [Symbol.asyncDispose]: () => node[Symbol.asyncDispose](),
  };
}

function idsOf(page: Readonly<Record<string, unknown>>): string[] {
  const { hits } = page["hits"] as { hits: { _id: string }[] };
  return hits.map(({ _id: id }) => id);
}

export async function clickhouse(): Promise<Destination> {
  const found = debianClickhouse();
  if (found.why !== undefined) throw new Error(found.why);
  const server = await Clickhouse.start(found.launch);
  await server.query("CREATE TABLE bench (id String, type String, event String) ENGINE = MergeTree ORDER BY id");
  return {
    name: "clickhouse",
    server: "ClickHouse 18.16, a server",
    yaml: `type: clickhouse, url: "${server.url}", table: bench, password: "${CLICKHOUSE_PASSWORD}", asyncInsert: false, deduplicate: false, columns: { id: id, type: type, event: event }`,
    wants: "all",
    stored: async () => tallyOfIds((await server.query("SELECT id FROM bench FORMAT TabSeparated")).split("\n")),
    kill: () => server.kill(),
    restart: () => server.up(),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}
