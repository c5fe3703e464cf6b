import { SearchSetup } from "../sinks/opensearch/setup.ts";
import type { MillraceConfig } from "./config.ts";

/** The setup of each sink that writes to OpenSearch or Elasticsearch. Close them. */
export function searchSetups({ sinks }: MillraceConfig): readonly SearchSetup[] {
  return sinks.flatMap((sink) =>
    sink.type === "opensearch" || sink.type === "elasticsearch" ? [new SearchSetup(sink)] : [],
  );
}
