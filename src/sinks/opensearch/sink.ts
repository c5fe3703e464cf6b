import type { Registry } from "prom-client";
import { type Clock, systemClock } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";
import { compress } from "../../formats/compression.ts";
import type { OpensearchConfig } from "./config.ts";
import { BulkEncoder } from "./encode.ts";
import { IndexNames } from "./index-names.ts";
import { createOpensearchSinkMetrics } from "./metrics.ts";
import { Nodes, type NodesContext } from "./nodes.ts";
import { problemsOf } from "./problems.ts";
import { readBulkReply } from "./response.ts";

export interface OpensearchSinkContext {
  readonly registry: Registry;
  readonly clock?: Clock;
  /** Where AWS credentials come from. Default: the AWS default chain. */
  readonly identityProvider?: NodesContext["identityProvider"];
}

/**
 * Makes the reply to 1,000 events 26 KB long instead of 212; each still has its place. Signed requests
 * cannot have it: AWS ignores what stands in the URL of a signed POST
 * (https://docs.aws.amazon.com/opensearch-service/latest/developerguide/managedomains-signing-service-requests.html).
 */
const SHORT_REPLY = "?filter_path=errors,items.*.status,items.*.error";

/** Delivers events to OpenSearch or Elasticsearch. */
export function createOpensearchSink(config: OpensearchConfig, context: OpensearchSinkContext): Sink {
  const { clock = systemClock, identityProvider } = context;
  const nodes = new Nodes(config, { clock, identityProvider });
  return new OpensearchSink(config, nodes, clock, context.registry);
}

/**
 * One batch, one `_bulk` request of documents to create, to one node.
 *
 * A document's id is the event's, so that what is sent again is found there: the server
 * refuses it as a conflict, which counts as delivered.
 */
class OpensearchSink implements Sink {
  readonly type: string;
  readonly name: string;
  readonly limits: BatchLimits;
  readonly #config: OpensearchConfig;
  readonly #clock: Clock;
  readonly #nodes: Nodes;
  readonly #names: IndexNames;
  readonly #encoder: BulkEncoder;
  readonly #path: string;
  readonly #headers: Readonly<Record<string, string>>;
  #tookLast = false;
  readonly #countDuplicates: (events: number) => void;

  constructor(config: OpensearchConfig, nodes: Nodes, clock: Clock, registry: Registry) {
    this.type = config.type;
    this.name = config.name;
    this.limits = { ...config.batch, maxEventBytes: config.batch.maxBytes };
    this.#config = config;
    this.#clock = clock;
    this.#nodes = nodes;
    this.#names = new IndexNames(config);
    this.#encoder = new BulkEncoder(config, this.#names);
    const isSigned = "aws" in config && config.aws !== undefined;
    this.#path = `${this.#names.single === undefined ? "" : `/${this.#names.single}`}/_bulk${isSigned ? "" : SHORT_REPLY}`;
    this.#headers = {
      "content-type": "application/x-ndjson",
      ...(config.compression === "gzip" && { "content-encoding": "gzip" }),
    };
    const { duplicates } = createOpensearchSinkMetrics(registry);
    this.#countDuplicates = (events) => duplicates.inc({ sink: config.name }, events);
  }

  eventBytes(event: CollectedEvent): number {
    return this.#encoder.eventBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (batch.length === 0) return { kind: "delivered" };
    const body = await compress(this.#encoder.encode(batch), this.#config.compression);
    const result = await this.#nodes.send({ method: "POST", path: this.#path, headers: this.#headers, body }, signal);
    if (result.kind === "no-reply") return { kind: "retryable", reason: result.reason };
    const now = { tookBefore: this.#tookLast, nowMs: this.#clock.nowMs() };
    const { receipt, duplicates, tookAny } = readBulkReply(result, batch.length, now);
    this.#tookLast = tookAny;
    if (duplicates > 0) this.#countDuplicates(duplicates);
    return receipt;
  }

  check(signal: AbortSignal): Promise<readonly string[]> {
    return problemsOf(this.#config, this.#names, this.#nodes, signal);
  }

  close(): Promise<void> {
    return this.#nodes.close();
  }
}
