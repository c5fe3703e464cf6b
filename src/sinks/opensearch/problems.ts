import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import type { OpensearchConfig } from "./config.ts";
import type { IndexNames } from "./index-names.ts";
import type { Nodes } from "./nodes.ts";
import { failureInWords } from "./server-error.ts";

/** What one look at the server brought: its answer, that there is nothing, or why it could not be looked at. */
type Look =
  | { readonly kind: "found"; readonly reply: Readonly<Record<string, unknown>> }
  | { readonly kind: "absent" }
  /** We may not look; a user who may only write is a good one. */
  | { readonly kind: "denied" }
  | { readonly kind: "failed"; readonly reason: string };

/** What is wrong with the destination, in sentences that say what to do. Sends nothing but GET requests. */
export async function problemsOf(
  config: OpensearchConfig,
  names: IndexNames,
  nodes: Nodes,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const isServerless = "aws" in config && config.aws?.service === "aoss";
  if (!isServerless) {
    const root = await look(nodes, "/", signal);
    if (root.kind === "failed") return [`the server cannot be used: ${root.reason}`];
    if (root.kind === "found") {
      const wrong = wrongProduct(config.type, root.reply);
      if (wrong !== undefined) return [wrong];
    }
  }
  const found: string[] = [];
  for (const pattern of names.patterns()) found.push(...(await indexProblems(config, pattern, nodes, signal)));
  return found;
}

function wrongProduct(type: OpensearchConfig["type"], root: Readonly<Record<string, unknown>>): string | undefined {
  const version = root["version"];
  if (!isObject(version)) return "what answers is neither OpenSearch nor Elasticsearch; correct `urls`";
  const isOpensearch = version["distribution"] === "opensearch";
  if (type === "elasticsearch" && isOpensearch) return "the server is OpenSearch; set type: opensearch";
  return undefined;
}

async function indexProblems(
  config: OpensearchConfig,
  pattern: string,
  nodes: Nodes,
  signal: AbortSignal,
): Promise<readonly string[]> {
  if (config.dataStream) {
    const stream = await look(nodes, `/_data_stream/${pattern}`, signal);
    if (stream.kind === "failed") return [`the data stream ${pattern} cannot be looked at: ${stream.reason}`];
    if (stream.kind === "absent")
      return [
        `there is no data stream ${pattern}; make it with \`millrace setup ${config.type} --apply\`, or set dataStream: false for an alias or an index`,
      ];
  }
  const settings = await look(nodes, `/${pattern}/_settings`, signal);
  if (settings.kind === "failed") return [`the index ${pattern} cannot be looked at: ${settings.reason}`];
  // An index that is not there is made by the first event, where the server allows it.
  if (settings.kind !== "found") return [];
  return Object.entries(settings.reply).flatMap(([index, value]) => {
    const block = blockOf(value);
    if (block === undefined) return [];
    return [
      block === "read_only_allow_delete"
        ? `the index ${index} takes no events since a disk of the cluster is full (its flood-stage watermark); free space or delete old indices`
        : `the index ${index} is blocked (index.blocks.${block}); lift the block`,
    ];
  });
}

/** The block of an index that keeps documents out, read from its settings. */
function blockOf(value: unknown): string | undefined {
  const settings = isObject(value) ? value["settings"] : undefined;
  const index = isObject(settings) ? settings["index"] : undefined;
  const blocks = isObject(index) ? index["blocks"] : undefined;
  if (!isObject(blocks)) return undefined;
  return ["read_only_allow_delete", "read_only", "write"].find((name) => String(blocks[name]) === "true");
}

async function look(nodes: Nodes, path: string, signal: AbortSignal): Promise<Look> {
  const result = await nodes.send({ method: "GET", path }, signal);
  if (result.kind === "no-reply") return { kind: "failed", reason: result.reason };
  if (result.status === 404) return { kind: "absent" };
  if (result.status === 403) return { kind: "denied" };
  if (result.status !== 200) return { kind: "failed", reason: failureInWords(result.status, result.body) };
  const reply = parseJsonObject(result.body);
  return reply === undefined ? { kind: "failed", reason: "the reply is no JSON object" } : { kind: "found", reply };
}
