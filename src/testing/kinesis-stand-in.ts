import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { setTimeout as delay } from "node:timers/promises";
import { type KinesisFaults, pick, type RecordFailure, strikes } from "./kinesis-faults.ts";
import { ShardIntake, shardIndexOf } from "./kinesis-shard.ts";
import { readPutRecords, type RecordToPut } from "./put-records-request.ts";
import { seededRandom } from "../core/seeded-random.ts";
import { readSigner } from "./signature-header.ts";
import { type Answer, fail, failure, send, success } from "./stand-in-answer.ts";

/** 10 MiB in base64, with keys and JSON around them. */
const MAX_BODY_BYTES = 24 * 1024 * 1024;

const RECORD_FAILURES: readonly RecordFailure[] = ["ProvisionedThroughputExceededException", "InternalFailure"];

export interface KinesisStandInOptions {
  /** Names of the streams that exist. Default: any name does. `CreateStream` adds to them. */
  readonly streams?: readonly string[];
  /** Shards of each stream, which share the hash keys evenly. Default: 1. */
  readonly shards?: number;
  /** The streams' largest record, data and partition key, in bytes. Default: 1 MiB. */
  readonly maxRecordBytes?: number;
  /** What DescribeStreamSummary tells. Default: nothing, as on provisioned streams. */
  readonly recordDistribution?: "AUTO" | "USER_PARTITION_KEY";
  /** Decides which faults strike which call, given the same calls in the same order. Default: 1. */
  readonly seed?: number;
  readonly faults?: KinesisFaults;
  /** Whether committed records are kept in `records`. Default: true. */
  readonly keepRecords?: boolean;
  /** Records are kept up to this many bytes; the oldest are forgotten first. Default: 256 MiB. */
  readonly keepBytes?: number;
  /** Called with every record as it is committed, kept or not. */
  readonly onRecord?: (record: StandInRecord) => void;
}

/** One PutRecords call that committed something. */
export interface StandInCall {
  /** Counts all PutRecords calls, from 1. */
  readonly number: number;
  readonly accessKeyId: string;
  /**
   * Whether a whole and true reply was handed to the connection. While false, the caller
   * does not know the records are stored, and is right to send them again.
   */
  readonly told: boolean;
}

/** A record as the stream holds it. */
export interface StandInRecord {
  readonly stream: string;
  readonly shardId: string;
  /** Grows in the order of commits. */
  readonly sequenceNumber: string;
  readonly partitionKey: string;
  readonly data: Buffer;
  readonly call: StandInCall;
}

export interface StandInCounts {
  /** PutRecords calls that arrived. */
  calls: number;
  /** Calls that were answered with an error, or not at all, or not truly. */
  failedCalls: number;
  committedRecords: number;
  /** Records refused one by one, by a fault or a shard's limit. */
  failedRecords: number;
  /** Records that were answered as stored and were not. */
  lies: number;
  /** Committed records that are no longer in `records`, or never were. */
  forgottenRecords: number;
}

/** Starts a stand-in on a free port of 127.0.0.1. */
export async function startKinesisStandIn(options: KinesisStandInOptions = {}): Promise<KinesisStandIn> {
  const standIn = new KinesisStandIn(options);
  await standIn.up();
  return standIn;
}

/**
 * A Kinesis for tests: a real HTTP server that speaks PutRecords, DescribeStreamSummary
 * and CreateStream, enforces the limits of the real one, and fails as it is told to.
 *
 * It remembers what it committed and whether the caller was told, so that a test can
 * tell a duplicate that could not be avoided from one that could.
 */
export class KinesisStandIn implements AsyncDisposable {
  /** What goes wrong. May be replaced at any time; calls that have arrived finish under the old faults. */
  faults: KinesisFaults;
  readonly counts: StandInCounts = {
    calls: 0,
    failedCalls: 0,
    committedRecords: 0,
    failedRecords: 0,
    lies: 0,
    forgottenRecords: 0,
  };
  readonly #options: KinesisStandInOptions;
  readonly #streams: Set<string> | undefined;
  readonly #random: () => number;
  readonly #intakes = new Map<string, ShardIntake>();
  readonly #records: StandInRecord[] = [];
  #keptBytes = 0;
  #server: Server | undefined;
  #port = 0;

  constructor(options: KinesisStandInOptions) {
    this.#options = options;
    this.#streams = options.streams === undefined ? undefined : new Set(options.streams);
    this.#random = seededRandom(options.seed ?? 1);
    this.faults = options.faults ?? {};
  }

  /** The endpoint, such as `http://127.0.0.1:40123`. The same after `down` and `up`. */
  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  /** What is stored, in the order of commits. */
  get records(): readonly StandInRecord[] {
    return this.#records;
  }

  /** Listens, again after `down`. */
  async up(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((request, response) => {
      this.#serve(server, request, response).catch((error: unknown) => response.destroy(asError(error)));
    });
    server.listen(this.#port, "127.0.0.1");
    await once(server, "listening");
    const address = server.address();
    assert(typeof address === "object" && address !== null);
    this.#port = address.port;
    this.#server = server;
  }

  /** Breaks all connections and refuses new ones until `up`. Calls that have not committed never will. */
  async down(): Promise<void> {
    const server = this.#server;
    if (server === undefined) return;
    this.#server = undefined;
    const closed = once(server, "close");
    server.close();
    server.closeAllConnections();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  async #serve(server: Server, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const body = await readBody(request);
    if (body === undefined) return send(response, { status: 413, body: "" });
    const signer = readSigner(request.headers, "kinesis");
    if (signer.kind === "error") return send(response, failure(400, signer.code, signer.message));

    const { faults } = this;
    if (faults.latencyMs !== undefined) {
      const { min, max } = faults.latencyMs;
      await delay(min + (max - min) * this.#random());
      if (server !== this.#server) return;
    }
    if (faults.expiredAccessKeys?.includes(signer.accessKeyId)) {
      return send(
        response,
        failure(400, "ExpiredTokenException", "The security token included in the request is expired"),
      );
    }
    const input = parseObject(body);
    if (input === undefined) return send(response, failure(400, "SerializationException", ""));
    switch (String(request.headers["x-amz-target"])) {
      case "Kinesis_20131202.PutRecords":
        return this.#putRecords(input, signer.accessKeyId, faults, response);
      case "Kinesis_20131202.DescribeStreamSummary":
        return send(response, this.#describe(input));
      case "Kinesis_20131202.CreateStream":
        return send(response, this.#create(input));
      default:
        return send(response, failure(400, "UnknownOperationException", ""));
    }
  }

  #putRecords(input: object, accessKeyId: string, faults: KinesisFaults, response: ServerResponse): void {
    const call = { number: ++this.counts.calls, accessKeyId, told: false };
    const stream = streamName(input);
    const request = readPutRecords(Reflect.get(input, "Records"), this.#options.maxRecordBytes ?? 1024 * 1024);
    const refusal = this.#exists(stream) ? request : noSuchStream(stream);
    if (refusal.kind === "refusal") {
      this.counts.failedCalls++;
      return send(response, failure(400, refusal.code, refusal.message));
    }
    const fault = strikes(this.#random, faults.calls?.ratio ?? 0)
      ? pick(this.#random, faults.calls?.kinds ?? [])
      : undefined;
    if (fault === undefined) {
      response.once("finish", () => (call.told = true));
      return send(response, this.#commit(refusal.records, stream, call, faults));
    }
    this.counts.failedCalls++;
    return fail(response, fault, () => this.#commit(refusal.records, stream, call, faults));
  }

  #commit(records: readonly RecordToPut[], stream: string, call: StandInCall, faults: KinesisFaults): Answer {
    const entries = records.map((record) => {
      const shard = shardIndexOf(record.partitionKey, record.explicitHashKey, this.#options.shards ?? 1);
      const shardId = `shardId-${String(shard).padStart(12, "0")}`;
      const errorCode = this.#recordFailure(record, `${stream}/${shardId}`, faults);
      if (errorCode !== undefined)
        return { ErrorCode: errorCode, ErrorMessage: `Refused on ${shardId} by the stand-in.` };
      if (strikes(this.#random, faults.lies?.ratio ?? 0)) {
        this.counts.lies++;
        return { SequenceNumber: `49${"0".repeat(54)}`, ShardId: shardId };
      }
      const sequenceNumber = `49${String(++this.counts.committedRecords).padStart(54, "0")}`;
      this.#keep({ stream, shardId, sequenceNumber, partitionKey: record.partitionKey, data: record.data, call });
      return { SequenceNumber: sequenceNumber, ShardId: shardId };
    });
    const failed = entries.filter((entry) => "ErrorCode" in entry).length;
    this.counts.failedRecords += failed;
    return success({ FailedRecordCount: failed, Records: entries });
  }

  #recordFailure(record: RecordToPut, shard: string, faults: KinesisFaults): RecordFailure | undefined {
    if (strikes(this.#random, faults.records?.ratio ?? 0)) {
      return pick(this.#random, faults.records?.codes ?? RECORD_FAILURES);
    }
    if (faults.shardLimits === undefined) return undefined;
    let intake = this.#intakes.get(shard);
    if (intake === undefined) this.#intakes.set(shard, (intake = new ShardIntake()));
    const taken = intake.take(record.bytes, faults.shardLimits, performance.now());
    return taken ? undefined : "ProvisionedThroughputExceededException";
  }

  #keep(record: StandInRecord): void {
    this.#options.onRecord?.(record);
    if (this.#options.keepRecords === false) {
      this.counts.forgottenRecords++;
      return;
    }
    this.#records.push(record);
    this.#keptBytes += record.data.length;
    while (this.#keptBytes > (this.#options.keepBytes ?? 256 * 1024 * 1024)) {
      this.#keptBytes -= this.#records.shift()?.data.length ?? 0;
      this.counts.forgottenRecords++;
    }
  }

  #describe(input: object): Answer {
    const { shards, maxRecordBytes, recordDistribution } = this.#options;
    const stream = streamName(input);
    if (!this.#exists(stream)) return failure(400, "ResourceNotFoundException", noSuchStream(stream).message);
    return success({
      StreamDescriptionSummary: {
        StreamName: stream,
        StreamARN: `arn:aws:kinesis:us-east-1:000000000000:stream/${stream}`,
        StreamStatus: "ACTIVE",
        StreamModeDetails: { StreamMode: recordDistribution === undefined ? "PROVISIONED" : "ON_DEMAND" },
        RetentionPeriodHours: 24,
        StreamCreationTimestamp: 0,
        EnhancedMonitoring: [{ ShardLevelMetrics: [] }],
        EncryptionType: "NONE",
        OpenShardCount: shards ?? 1,
        ConsumerCount: 0,
        MaxRecordSizeInKiB: Math.floor((maxRecordBytes ?? 1024 * 1024) / 1024),
        ...(recordDistribution !== undefined && { RecordDistributionStrategy: recordDistribution }),
      },
    });
  }

  #create(input: object): Answer {
    this.#streams?.add(streamName(input));
    return { status: 200, body: "" };
  }

  #exists(stream: string): boolean {
    return stream !== "" && (this.#streams?.has(stream) ?? true);
  }
}

function noSuchStream(stream: string) {
  const message = `Stream ${stream} under account 000000000000 not found.`;
  return { kind: "refusal", code: "ResourceNotFoundException", message } as const;
}

/** The stream a call is about, by name or ARN; empty when it names none. */
function streamName(input: object): string {
  const name: unknown = Reflect.get(input, "StreamName") ?? Reflect.get(input, "StreamARN");
  return typeof name === "string" ? name.slice(name.lastIndexOf("/") + 1) : "";
}

function parseObject(body: string): object | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    return typeof parsed === "object" && parsed !== null ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** `undefined` when it is too large. */
async function readBody(request: IncomingMessage): Promise<string | undefined> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request) {
    assert(Buffer.isBuffer(chunk));
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function asError(error: unknown): Error {
  return error instanceof Error ? error : new Error(String(error));
}
