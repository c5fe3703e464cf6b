import { isJsonObject, type Json, parseExact, printExact } from "../replay/exact-json.ts";
import type { TimeRange } from "../replay/time-range.ts";
import type { Finder } from "./finder.ts";

/** Most documents of one id that are told. With `documentId: none` repetitions are documents of their own. */
const MAX_HITS = 100;

/** What a search engine answered; or, in words, why it did not. */
export type SearchAnswer = { readonly body: Buffer } | { readonly problem: string };

export interface SearchFinderOptions {
  readonly name: string;
  readonly type: string;
  readonly sink: string;
  /** Sends the body of a `_search`. */
  readonly search: (body: Buffer) => Promise<SearchAnswer>;
}

/** Asks OpenSearch or Elasticsearch for the document whose id, or whose field `id`, is the event's. */
export function searchFinder({ name, type, sink, search }: SearchFinderOptions): Finder {
  return {
    name,
    async *find(id) {
      const answer = await search(Buffer.from(JSON.stringify(queryFor(id))));
      if ("problem" in answer) throw new Error(answer.problem);
      for (const { index, documentId, source } of hitsOf(answer.body)) {
        const { receivedtime: received } = source;
        yield {
          in: type,
          sink,
          at: `${index}/${documentId}`,
          ...(typeof received === "string" && { received }),
          event: printExact(source),
        };
      }
    },
  };
}

/** Without the template that the setup installs, `id` is text with a keyword below it. */
function queryFor(id: string): object {
  const should = [{ ids: { values: [id] } }, { term: { id } }, { term: { "id.keyword": id } }];
  return { size: MAX_HITS, query: { bool: { should, minimum_should_match: 1 } } };
}

function hitsOf(body: Buffer): { index: string; documentId: string; source: Record<string, Json> }[] {
  const reply = parseExact(body.toString("utf8"));
  const outer = isJsonObject(reply) ? reply["hits"] : undefined;
  const hits = isJsonObject(outer) ? outer["hits"] : undefined;
  if (!Array.isArray(hits)) throw new Error("the answer has no hits");
  return hits.flatMap((hit) => {
    if (!isJsonObject(hit)) return [];
    const { _index: index, _id: documentId, _source: source } = hit;
    if (typeof index !== "string" || typeof documentId !== "string" || !isJsonObject(source)) return [];
    return [{ index, documentId, source }];
  });
}

/** All of a search engine is asked at once: a range would only be one more condition. */
export function isWithin(received: string | undefined, { sinceMs, untilMs }: TimeRange): boolean {
  const ms = received === undefined ? Number.NaN : Date.parse(received);
  return Number.isNaN(ms) || (ms >= sinceMs && ms < untilMs);
}
