import { z } from "zod";
import { oversizeField } from "./oversize-field.ts";

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  TiB: 1024 ** 4,
};

/** A size in bytes: a whole number, or one with a unit such as `64MiB`, `1.5GiB` or `500KB`. */
export function byteSize(limits: { min: number; max?: number }) {
  const max = limits.max ?? Number.MAX_SAFE_INTEGER;
  const least = formatBytes(limits.min);
  return z
    .union([
      z.int(),
      z.string().regex(/^\d+(\.\d+)? ?([KMGT]i?)?B$/, "a size is a number with a unit: 64MiB, 1.5GiB, 500KB"),
    ])
    .transform(toBytes)
    .refine((bytes) => bytes >= limits.min && bytes <= max, {
      error:
        limits.max === undefined ? `must be at least ${least}` : `must be between ${least} and ${formatBytes(max)}`,
    });
}

function toBytes(size: number | string): number {
  if (typeof size === "number") return size;
  const unit = /[A-Za-z]+$/.exec(size)?.[0] ?? "B";
  return Math.floor(Number.parseFloat(size) * (UNITS[unit] ?? 1));
}

/** `67108864` as `64MiB`; the shortest exact form in binary units, else plain bytes. */
export function formatBytes(bytes: number): string {
  for (const unit of ["TiB", "GiB", "MiB", "KiB"]) {
    const size = UNITS[unit] ?? 1;
    if (bytes >= size && bytes % size === 0) return `${bytes / size}${unit}`;
  }
  return `${bytes}B`;
}

/** Names of sources and sinks: they appear in file names, metrics and receipts. */
export const nameField = z
  .string()
  .regex(
    /^[A-Za-z0-9][A-Za-z0-9_-]{0,62}$/,
    "a name has 1 to 63 letters, digits, - and _, and starts with a letter or digit",
  );

/** How a pipeline retries what a sink could not take. Delays grow by doubling, with full jitter. */
export const retryField = z
  .strictObject({
    minDelayMs: z.int().min(1).max(60_000).default(100).describe("Upper bound of the first delay, in milliseconds."),
    maxDelayMs: z.int().min(1).max(600_000).default(30_000).describe("Longest delay, in milliseconds."),
    maxAgeMs: z
      .int()
      .min(0)
      .default(0)
      .describe(
        "Give up on an event and dead-letter it when an attempt fails this long after its receipt, or later, in milliseconds. Each is tried at least once. 0: never give up.",
      ),
  })
  .refine((retry) => retry.minDelayMs <= retry.maxDelayMs, { error: "minDelayMs must not exceed maxDelayMs" })
  .prefault({});

/** The batch limits of a sink whose service sets the given maxima and defaults. */
export function batchField(limits: {
  maxEvents: number;
  maxEventsCap: number;
  maxBytes: number;
  maxBytesCap: number;
  maxAgeMs: number;
}) {
  return z
    .strictObject({
      maxEvents: z
        .int()
        .min(1)
        .max(limits.maxEventsCap)
        .default(limits.maxEvents)
        .describe("Most events in one batch."),
      maxBytes: byteSize({ min: 1024, max: limits.maxBytesCap })
        .prefault(limits.maxBytes)
        .describe("Most bytes in one batch, counted as the sink's service counts them."),
      maxAgeMs: z
        .int()
        .min(1)
        .max(900_000)
        .default(limits.maxAgeMs)
        .describe("Longest wait for a partial batch, in milliseconds."),
    })
    .prefault({});
}

/** What every sink has in the configuration, whatever its type. Spread into the sink's own schema. */
export const sinkFields = {
  name: nameField.describe("Unique name; the cursor, ledger and metrics of the sink go by it."),
  when: z
    .string()
    .min(1)
    .optional()
    .describe("CEL expression over the event; only events for which it is true are sent."),
  required: z
    .boolean()
    .default(true)
    .describe("Whether `?ack=delivered` waits for this sink and its failure can make the collector not ready."),
  maxInFlight: z.int().min(1).max(256).default(4).describe("Batches sent at the same time."),
  timeoutMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(15_000)
    .describe("Longest wait for one write before it counts as failed and is retried, in milliseconds."),
  retry: retryField.describe("How failed events are retried."),
  oversize: oversizeField.describe("What becomes of an event that is too large for the sink."),
};

/** The common fields as the pipeline sees them. */
export interface SinkSettings {
  readonly name: string;
  readonly type: string;
  readonly when?: string | undefined;
  readonly required: boolean;
  readonly maxInFlight: number;
  readonly timeoutMs: number;
  readonly retry: { readonly minDelayMs: number; readonly maxDelayMs: number; readonly maxAgeMs: number };
}
