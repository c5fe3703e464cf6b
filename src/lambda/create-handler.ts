import { hostname } from "node:os";
import { Registry } from "prom-client";
import { z } from "zod";
import { sinkConfig } from "../app/sink-config.ts";
import { createSink } from "../app/sink-types.ts";
import { openClaimStore } from "../claims/open-claim-store.ts";
import { systemClock } from "../core/clock.ts";
import { MillraceError } from "../core/errors.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import { createPipelineMetrics } from "../pipeline/metrics.ts";
import { createLogger } from "../telemetry/log.ts";
import { type BatchResponse, batchResponse } from "./batch-response.ts";
import { DeadLetterBox } from "./dead-letter-box.ts";
import { deliver, type DeliveryOptions } from "./delivery.ts";
import { summaryLine } from "./invocation-summary.ts";
import { recordsOf, type StreamEvent } from "./source-record.ts";
import { type Poison, readBatch } from "./stream-batch.ts";

const options = z.strictObject({
  sinks: z.array(sinkConfig).min(1).describe("Where events go: as `sinks:` in millrace.yaml."),
  deadLetters: sinkConfig
    .optional()
    .describe("Where what cannot be delivered goes, as CloudEvents of type millrace.deadletter. Default: the log."),
  deliverWithinMs: z
    .int()
    .min(1_000)
    .max(870_000)
    .default(20_000)
    .describe("Longest time to try a batch, in milliseconds; then its failed records are left to the next invocation."),
  reserveMs: z
    .int()
    .min(100)
    .max(60_000)
    .default(2_000)
    .describe("Kept of the function's time for answering, in milliseconds."),
  logLevel: z.enum(["debug", "info", "warn", "error"]).default("warn").describe("Least severe line to log."),
});

/** What `createHandler` takes. */
export type HandlerOptions = z.input<typeof options>;

/** What Lambda calls. */
export type Handler = (event: StreamEvent, context: { getRemainingTimeInMillis(): number }) => Promise<BatchResponse>;

/**
 * A Lambda function for the event source mappings of Kinesis and Kafka: takes a batch, decodes
 * every format the collector writes, sends the events to sinks by the collector's own pipelines,
 * and answers with the records that failed, so that only those are tried again.
 *
 * What can never be delivered (damaged records, lines that are no events, events that a sink
 * refuses for good) becomes a dead letter and does not hold up its shard. A dead letter that cannot
 * be written counts as failed.
 *
 * Throws `config_invalid` with all problems, `filter_invalid` or `sink_misconfigured`.
 */
export function createHandler(input: HandlerOptions): Handler {
  const parsed = options.safeParse(input);
  if (!parsed.success) throw new MillraceError("config_invalid", z.prettifyError(parsed.error));
  const { sinks, deadLetters, deliverWithinMs, reserveMs, logLevel } = parsed.data;
  const names = new Set([...sinks, ...(deadLetters === undefined ? [] : [deadLetters])].map(({ name }) => name));
  if (names.size < sinks.length + (deadLetters === undefined ? 0 : 1))
    throw new MillraceError("config_invalid", "each sink needs a name of its own");

  const opening = open(parsed.data);
  // A sink that cannot be made fails each invocation, and is told there.
  opening.catch(() => {});
  return async (event, context) => {
    const startMs = systemClock.monotonicMs();
    const delivery = await opening;
    const batch = readBatch(recordsOf(event));
    const withinMs = Math.max(0, Math.min(deliverWithinMs, context.getRemainingTimeInMillis() - reserveMs));
    const [delivered, lostPoison] = await Promise.all([
      deliver(batch, withinMs, delivery),
      keep(batch.poison, delivery.deadLetters),
    ]);
    const failed = new Set(lostPoison);
    for (const [position, record] of batch.recordOf.entries()) if (!delivered.isSettled(position)) failed.add(record);
    for (let record = batch.readTo; record < batch.records.length; record++) failed.add(record);
    const response = batchResponse(batch.records, failed);
    print(summaryLine(batch, delivered.counts, failed.size, systemClock.monotonicMs() - startMs, systemClock.nowMs()));
    return response;
  };

  async function open({ sinks: configs }: z.output<typeof options>): Promise<DeliveryOptions> {
    // Written at once: a function is frozen when it has answered.
    const log = await createLogger({ level: logLevel, format: "json", stream: { write: print } });
    const registry = new Registry();
    const make = (config: (typeof configs)[number]) =>
      createSink(config, { node: nodeName(), slot: "lambda", clock: systemClock, registry, log });
    const destinations = await Promise.all(
      configs.map(async (settings) => ({
        settings,
        sink: await make(settings),
        claims: await openClaimStore(settings.oversize, { clock: systemClock, log }),
      })),
    );
    const box = new DeadLetterBox({
      sink: deadLetters === undefined ? undefined : await make(deadLetters),
      timeoutMs: deadLetters?.timeoutMs ?? 0,
      print: (line) => print(`${line}\n`),
      nowMs: () => systemClock.nowMs(),
    });
    return { destinations, deadLetters: box, clock: systemClock, metrics: createPipelineMetrics(registry), log };
  }
}

/** Writes the poison to the dead letters. Resolves with the records whose poison could not be. */
async function keep(poison: readonly Poison[], deadLetters: RejectLog): Promise<readonly number[]> {
  if (poison.length === 0) return [];
  const entries = poison.map(({ code, reason, bytes }): RejectedEvent => ({
    atMs: systemClock.nowMs(),
    source: "lambda",
    code,
    reasons: [reason],
    event: bytes,
  }));
  return deadLetters.append(entries).then(
    () => [],
    () => poison.map(({ record }) => record),
  );
}

/** Names files and objects that are this environment's own: environments of one function run at the same time. */
function nodeName(): string {
  const stream = process.env["AWS_LAMBDA_LOG_STREAM_NAME"] ?? hostname();
  return stream.replaceAll(/[^A-Za-z0-9]+/g, "-").slice(-40);
}

function print(line: string): void {
  process.stdout.write(line);
}
