import { systemClock } from "../core/clock.ts";
import type { Finder } from "../find/finder.ts";
import { type SearchAnswer, searchFinder } from "../find/search-finder.ts";
import { quotable } from "../outbound/quotable.ts";
import type { OpensearchConfig } from "../sinks/opensearch/config.ts";
import { IndexNames } from "../sinks/opensearch/index-names.ts";
import { Nodes } from "../sinks/opensearch/nodes.ts";
import type { MillraceConfig } from "./config.ts";

const NO_HITS = Buffer.from('{"hits":{"hits":[]}}');

/** A finder for each sink that writes where events can be searched. */
export function searchFinders({ sinks }: MillraceConfig, signal: AbortSignal): Finder[] {
  return sinks.flatMap((sink) => {
    if (sink.type !== "opensearch" && sink.type !== "elasticsearch") return [];
    const search = (body: Buffer): Promise<SearchAnswer> => searchIn(sink, body, signal);
    return [searchFinder({ name: `the indices of ${sink.name}`, type: sink.type, sink: sink.name, search })];
  });
}

async function searchIn(sink: OpensearchConfig, body: Buffer, signal: AbortSignal): Promise<SearchAnswer> {
  const nodes = new Nodes(sink, { clock: systemClock });
  try {
    const path = `/${new IndexNames(sink).patterns().join(",")}/_search`;
    const headers = { "content-type": "application/json" };
    const answer = await nodes.send({ method: "POST", path, headers, body }, signal);
    if (answer.kind === "no-reply") return { problem: answer.reason };
    // Nothing was written to it so far.
    if (answer.status === 404) return { body: NO_HITS };
    if (answer.status === 200) return { body: answer.body };
    return { problem: `${answer.status}: ${quotable(answer.body.toString())}` };
  } finally {
    await nodes.close();
  }
}
