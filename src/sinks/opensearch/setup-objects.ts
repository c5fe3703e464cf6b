import { formatBytes } from "../../core/config-fields.ts";
import { isObject } from "../../outbound/json-reply.ts";
import type { OpensearchConfig } from "./config.ts";
import { IndexNames } from "./index-names.ts";
import { eventMappings } from "./event-mappings.ts";

export type JsonObject = Readonly<Record<string, unknown>>;

/** Something that the setup of a sink makes on the server. */
export interface SetupObject {
  readonly kind: "retention policy" | "index template" | "data stream";
  readonly name: string;
  /** Where it is read and put. */
  readonly path: string;
  /** What is put there; a data stream is made of its template alone. */
  readonly body: JsonObject | undefined;
  /** The part of the server's reply that is like `body`; `undefined` when it is not there. */
  readonly read: (reply: JsonObject) => JsonObject | undefined;
}

/** Above the templates that products bring, which go up to 100, and room for others above. */
const PRIORITY = 200;

/** What the server must have for the sink's events to be mapped, rolled over and deleted; in the order of making. */
export function setupObjects(config: OpensearchConfig): readonly SetupObject[] {
  const patterns = new IndexNames(config).patterns();
  // Serverless manages retention by itself, and knows no data streams and policies.
  const isServerless = "aws" in config && config.aws?.service === "aoss";
  const policy = isServerless ? undefined : policyOf(config, patterns);
  return [
    ...(policy === undefined ? [] : [policy]),
    templateOf(config, patterns, policy?.name),
    ...(config.dataStream ? patterns.map(dataStreamOf) : []),
  ];
}

/** Of the policy and the template: after the index, since sinks of several collectors can share a server. */
function objectName({ index }: OpensearchConfig): string {
  const name = index.replaceAll(/[{}]/g, "");
  return name.startsWith("millrace-") ? name : `millrace-${name}`;
}

/** By this an object is known as ours. */
const MARK = { managed_by: "millrace" };
const DESCRIPTION = "Made by Millrace.";

/** Whether the setup of a sink made the object: only such are changed without being asked to. */
export function isOurs(current: JsonObject): boolean {
  const policy = isObject(current["policy"]) ? current["policy"] : current;
  const mark = policy["_meta"];
  if (isObject(mark) && mark["managed_by"] === MARK.managed_by) return true;
  return policy["description"] === DESCRIPTION;
}

function policyOf(config: OpensearchConfig, patterns: readonly string[]): SetupObject | undefined {
  if (!config.dataStream && config.setup.deleteAfterDays === undefined) return undefined;
  const name = objectName(config);
  return config.type === "elasticsearch"
    ? {
        kind: "retention policy",
        name,
        path: `/_ilm/policy/${name}`,
        body: { policy: lifecycle(config) },
        read: (reply) => within(reply, name),
      }
    : {
        kind: "retention policy",
        name,
        path: `/_plugins/_ism/policies/${name}`,
        body: { policy: stateManagement(config, patterns) },
        read: (reply) => (isObject(reply["policy"]) ? { policy: reply["policy"] } : undefined),
      };
}

/** Index State Management of OpenSearch (https://docs.opensearch.org/latest/im-plugin/ism/policies/). */
function stateManagement({ dataStream, setup }: OpensearchConfig, patterns: readonly string[]): JsonObject {
  const days = setup.deleteAfterDays;
  const rollover = {
    min_index_age: `${setup.rolloverAfterDays}d`,
    min_primary_shard_size: sizeOf(setup.rolloverBytes),
  };
  const age = dataStream ? "min_rollover_age" : "min_index_age";
  const toDelete = { state_name: "delete", conditions: { [age]: `${days}d` } };
  const write = {
    name: "write",
    actions: dataStream ? [{ rollover }] : [],
    transitions: days === undefined ? [] : [toDelete],
  };
  return {
    description: DESCRIPTION,
    default_state: "write",
    states: [write, ...(days === undefined ? [] : [{ name: "delete", actions: [{ delete: {} }], transitions: [] }])],
    ism_template: [{ index_patterns: patterns, priority: PRIORITY }],
  };
}

/** Index lifecycle management of Elasticsearch, 7.13 or newer. */
function lifecycle(config: OpensearchConfig): JsonObject {
  const { rolloverAfterDays, rolloverBytes, deleteAfterDays } = config.setup;
  const rollover = { max_age: `${rolloverAfterDays}d`, max_primary_shard_size: sizeOf(rolloverBytes) };
  return {
    _meta: MARK,
    phases: {
      hot: { actions: config.dataStream ? { rollover } : {} },
      ...(deleteAfterDays !== undefined && {
        delete: { min_age: `${deleteAfterDays}d`, actions: { delete: {} } },
      }),
    },
  };
}

function templateOf(config: OpensearchConfig, patterns: readonly string[], policy: string | undefined): SetupObject {
  const { shards, replicas, maxFields, data } = config.setup;
  const isElastic = config.type === "elasticsearch";
  const name = objectName(config);
  // Numbers as text and nested, as the server gives them back.
  const index = {
    number_of_shards: String(shards),
    number_of_replicas: String(replicas),
    mapping: { total_fields: { limit: String(maxFields) } },
    ...(isElastic && policy !== undefined && { lifecycle: { name: policy } }),
  };
  return {
    kind: "index template",
    name,
    path: `/_index_template/${name}`,
    body: {
      index_patterns: patterns,
      priority: PRIORITY,
      _meta: MARK,
      ...(config.dataStream && { data_stream: {} }),
      template: { settings: { index }, mappings: eventMappings(data, isElastic) },
    },
    read(reply) {
      const [first] = Array.isArray(reply["index_templates"]) ? reply["index_templates"] : [];
      return isObject(first) ? within(first, "index_template") : undefined;
    },
  };
}

function dataStreamOf(name: string): SetupObject {
  return {
    kind: "data stream",
    name,
    path: `/_data_stream/${name}`,
    body: undefined,
    read(reply) {
      const [first] = Array.isArray(reply["data_streams"]) ? reply["data_streams"] : [];
      return isObject(first) ? first : undefined;
    },
  };
}

function within(reply: JsonObject, key: string): JsonObject | undefined {
  const value = reply[key];
  return isObject(value) ? value : undefined;
}

/** `50GiB` as the servers write it: `50gb`. */
function sizeOf(bytes: number): string {
  return formatBytes(bytes).toLowerCase().replace("ib", "b");
}
