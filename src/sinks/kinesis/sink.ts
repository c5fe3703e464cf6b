import type { Logger } from "pino";
import { arnRegion } from "../../aws/arn.ts";
import { inWords } from "../../aws/failed-call.ts";
import { type AwsContext, openTransport } from "../../aws/open-transport.ts";
import { readServiceError } from "../../aws/service-error.ts";
import { awsJson, type SignedTransport } from "../../aws/signed-transport.ts";
import { MillraceError } from "../../core/errors.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits, Receipt, Sink } from "../../core/sink.ts";
import { BufferPool } from "./buffer-pool.ts";
import type { KinesisConfig } from "./config.ts";
import { createEncoder, type RecordEncoder } from "./encode.ts";
import { KINESIS_ERRORS, readPutRecordsReply } from "./response.ts";
import { KPL_ON_AUTO, problemsOf, readStreamSummary, type StreamSummary } from "./stream-summary.ts";

export interface KinesisSinkContext extends AwsContext {
  readonly log: Logger;
}

/** Delivers events to an Amazon Kinesis data stream, or to anything that speaks its PutRecords. */
export function createKinesisSink(config: KinesisConfig, context: KinesisSinkContext): KinesisSink {
  const region = config.region ?? arnRegion(config.stream);
  if (region === undefined) throw new MillraceError("sink_misconfigured", `sink ${config.name} needs a region`);
  const transport = openTransport("kinesis", region, config, context);
  return new KinesisSink(config, transport, context.log);
}

/** What DescribeStreamSummary brought. */
type Description =
  | { readonly kind: "summary"; readonly summary: StreamSummary }
  /** The stream cannot be looked at now; it may be later. */
  | { readonly kind: "unknown"; readonly reason: string }
  /** We may not look, or the endpoint cannot tell. */
  | { readonly kind: "denied"; readonly reason: string };

/**
 * One batch, one PutRecords call.
 *
 * With format `kpl` the first write is preceded by a look at the stream: on a stream
 * that ignores partition keys consumers drop aggregates, so nothing is sent there.
 */
export class KinesisSink implements Sink {
  readonly type = "kinesis";
  readonly name: string;
  readonly limits: BatchLimits;
  readonly #config: KinesisConfig;
  readonly #transport: SignedTransport;
  readonly #bodies: BufferPool;
  readonly #encoder: RecordEncoder;
  readonly #log: Logger;
  #keysAreHonoured: boolean;

  constructor(config: KinesisConfig, transport: SignedTransport, log: Logger) {
    this.name = config.name;
    this.#config = config;
    this.#transport = transport;
    this.#bodies = new BufferPool(config.maxInFlight);
    this.#encoder = createEncoder(config, this.#bodies);
    this.limits = this.#encoder.limits;
    this.#log = log;
    this.#keysAreHonoured = config.format !== "kpl";
  }

  eventBytes(event: CollectedEvent): number {
    return this.#encoder.eventBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (batch.length === 0) return { kind: "delivered" };
    if (!this.#keysAreHonoured) {
      const obstacle = await this.#obstacleToAggregates(signal);
      if (obstacle !== undefined) return { kind: "retryable", reason: obstacle };
      this.#keysAreHonoured = true;
    }
    const call = await this.#encoder.encode(batch);
    const result = await this.#transport.send(awsJson("Kinesis_20131202.PutRecords", call.body.bytes), signal);
    if (result.kind === "no-reply") return { kind: "retryable", reason: result.reason };
    // Any other outcome may come while the connection still holds the body.
    if (result.status === 200) this.#bodies.give(call.body.buffer);
    return readPutRecordsReply(result.status, result.body, call.records, call.recordOf);
  }

  /** Looks at the stream. A dry run of PutRecords would tell more, but endpoints that do not know it write the records. */
  async check(signal: AbortSignal): Promise<readonly string[]> {
    const description = await this.#describe(signal);
    switch (description.kind) {
      case "summary":
        return problemsOf(description.summary, this.#config);
      case "unknown":
      case "denied":
        return [`the stream ${this.#config.stream} cannot be looked at: ${description.reason}`];
    }
  }

  close(): Promise<void> {
    return this.#transport.close();
  }

  /** Why no aggregates may be sent, for now. Without the right to look we go on: most streams honour keys. */
  async #obstacleToAggregates(signal: AbortSignal): Promise<string | undefined> {
    const description = await this.#describe(signal);
    switch (description.kind) {
      case "summary":
        return description.summary.ignoresPartitionKeys ? KPL_ON_AUTO : undefined;
      case "unknown":
        return description.reason;
      case "denied":
        this.#log.warn(
          { reason: description.reason },
          "cannot tell whether the stream honours partition keys, which format kpl needs: allow kinesis:DescribeStreamSummary",
        );
        return undefined;
    }
  }

  async #describe(signal: AbortSignal): Promise<Description> {
    const { stream } = this.#config;
    const body = Buffer.from(
      JSON.stringify(stream.startsWith("arn:") ? { StreamARN: stream } : { StreamName: stream }),
    );
    const result = await this.#transport.send(awsJson("Kinesis_20131202.DescribeStreamSummary", body), signal);
    if (result.kind === "no-reply") return { kind: "unknown", reason: result.reason };
    if (result.status === 200) {
      const summary = readStreamSummary(result.body);
      if (summary !== undefined) return { kind: "summary", summary };
      return { kind: "unknown", reason: "the reply is not a DescribeStreamSummary reply" };
    }
    const error = readServiceError(result.body);
    const reason = error.code === undefined ? `HTTP ${result.status}` : inWords(error, KINESIS_ERRORS.advice);
    return { kind: CANNOT_TELL.has(error.code ?? "") ? "denied" : "unknown", reason };
  }
}

const CANNOT_TELL = new Set(["AccessDenied", "AccessDeniedException", "UnknownOperationException"]);
