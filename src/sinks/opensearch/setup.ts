import { systemClock } from "../../core/clock.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import type { OpensearchConfig } from "./config.ts";
import { differences } from "./differences.ts";
import { Nodes, type NodesContext } from "./nodes.ts";
import { failureInWords } from "./server-error.ts";
import { isOurs, type JsonObject, type SetupObject, setupObjects } from "./setup-objects.ts";

/** How an object on the server stands to what it should be. */
export type Standing =
  | { readonly kind: "missing" }
  | { readonly kind: "as wanted" }
  /** Made by the setup before, with other settings. */
  | { readonly kind: "different"; readonly differences: readonly string[] }
  /** Made or changed by others: nothing is done to it unless told so. */
  | { readonly kind: "of others"; readonly differences: readonly string[] }
  | { readonly kind: "unknown"; readonly reason: string };

export interface SetupStep {
  readonly object: SetupObject;
  readonly standing: Standing;
  /** Where a changed policy is put; OpenSearch wants to know which version is replaced. */
  readonly version?: { readonly seqNo: number; readonly primaryTerm: number };
}

/** What `millrace setup` does for one sink: looks, tells, and puts. Nothing is changed but by `put`. */
export class SearchSetup {
  readonly config: OpensearchConfig;
  readonly #nodes: Nodes;

  constructor(config: OpensearchConfig, context: Partial<NodesContext> = {}) {
    this.config = config;
    this.#nodes = new Nodes(config, { clock: systemClock, ...context });
  }

  /** Compares what the sink needs with what is there. */
  async look(signal: AbortSignal): Promise<readonly SetupStep[]> {
    const steps: SetupStep[] = [];
    for (const object of setupObjects(this.config)) steps.push(await this.#stepOf(object, signal));
    return steps;
  }

  /** Makes or changes the object. Resolves with what went wrong. */
  async put({ object, version }: SetupStep, signal: AbortSignal): Promise<string | undefined> {
    const query = version === undefined ? "" : `?if_seq_no=${version.seqNo}&if_primary_term=${version.primaryTerm}`;
    if (query !== "" && "aws" in this.config && this.config.aws !== undefined)
      return "a policy that is there cannot be changed by a signed request: delete it, and run this again at once";
    const body = Buffer.from(object.body === undefined ? "" : JSON.stringify(object.body));
    const headers = object.body === undefined ? {} : { "content-type": "application/json" };
    const result = await this.#nodes.send({ method: "PUT", path: object.path + query, headers, body }, signal);
    if (result.kind === "no-reply") return result.reason;
    return result.status >= 200 && result.status < 300 ? undefined : failureInWords(result.status, result.body);
  }

  async close(): Promise<void> {
    await this.#nodes.close();
  }

  async #stepOf(object: SetupObject, signal: AbortSignal): Promise<SetupStep> {
    const result = await this.#nodes.send({ method: "GET", path: object.path }, signal);
    if (result.kind === "no-reply") return { object, standing: { kind: "unknown", reason: result.reason } };
    if (result.status === 404) return { object, standing: { kind: "missing" } };
    const reply = parseJsonObject(result.body);
    if (result.status !== 200 || reply === undefined)
      return { object, standing: { kind: "unknown", reason: whyUnknown(object, result.status, result.body) } };
    const current = object.read(reply);
    if (current === undefined) return { object, standing: { kind: "missing" } };
    const version = versionOf(reply);
    return { object, standing: standingOf(object, current), ...(version !== undefined && { version }) };
  }
}

function standingOf({ body }: SetupObject, current: JsonObject): Standing {
  const found = differences(current, body ?? {});
  if (found.length === 0) return { kind: "as wanted" };
  return { kind: isOurs(current) ? "different" : "of others", differences: found };
}

/** Of an ISM policy; other objects have none. */
function versionOf(reply: JsonObject): SetupStep["version"] {
  const { _seq_no: seqNo, _primary_term: primaryTerm } = reply;
  return typeof seqNo === "number" && typeof primaryTerm === "number" ? { seqNo, primaryTerm } : undefined;
}

function whyUnknown({ kind }: SetupObject, status: number, body: Buffer): string {
  const error = parseJsonObject(body)?.["error"];
  const isNoHandler = status === 400 && typeof error === "string" && error.startsWith("no handler found");
  const isNoModule = isObject(error) && error["type"] === "invalid_index_name_exception";
  if (kind === "retention policy" && (isNoHandler || isNoModule))
    return "the server has no management of indices (the plugin Index State Management, or ILM): indices are neither rolled over nor deleted by it";
  return failureInWords(status, body);
}
