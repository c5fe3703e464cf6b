/**
 * The stream of a storm, in a process of its own, so that what it does takes no time away from
 * the senders and their clocks: a Kinesis stand-in that reports what it stores.
 */
import assert from "node:assert/strict";
import { decodeRecord } from "../decode/decode-record.ts";
import type { KinesisFaults } from "../testing/kinesis-faults.ts";
import { startKinesisStandIn, type StandInCall } from "../testing/kinesis-stand-in.ts";
import { type Sighting, sightingOf } from "./chaos-event.ts";
import { sharedClockMs } from "./shared-clock.ts";

/** What the storm asks for; each is answered with `done`. */
export type StreamRequest =
  | { readonly kind: "faults"; readonly faults: KinesisFaults }
  | { readonly kind: "down" }
  | { readonly kind: "up" };

export interface StoredEvent {
  readonly sighting: Sighting;
  /** When it was stored, on the machine's monotonic clock. */
  readonly atMs: number;
  /** Whether the collector was told so. */
  readonly told: boolean;
}

export type StreamMessage =
  | { readonly kind: "ready"; readonly url: string }
  | { readonly kind: "done" }
  | { readonly kind: "stored"; readonly events: readonly StoredEvent[] };

const REPORT_EVERY_MS = 50;
/** Long enough for an answer to leave, so that it is known whether it did. */
const REPORT_AFTER_MS = 100;

interface Unreported {
  readonly sighting: Sighting;
  readonly atMs: number;
  readonly call: StandInCall;
}

assert(process.send !== undefined, "millrace chaos starts this process");
// Whoever started it is gone: so is the storm.
process.on("disconnect", () => process.exit());

const unreported: Unreported[] = [];
const standIn = await startKinesisStandIn({
  seed: Number(process.argv[2]),
  shards: 4,
  keepRecords: false,
  onRecord({ data, partitionKey, call }) {
    const atMs = sharedClockMs();
    for (const event of decodeRecord(data, partitionKey, "none"))
      unreported.push({ sighting: sightingOf(event.data), atMs, call });
  },
});
setInterval(report, REPORT_EVERY_MS);
process.on("message", (request: StreamRequest) => void serve(request));
tell({ kind: "ready", url: standIn.url });

async function serve(request: StreamRequest): Promise<void> {
  switch (request.kind) {
    case "faults":
      standIn.faults = request.faults;
      break;
    case "down":
      await standIn.down();
      break;
    case "up":
      await standIn.up();
      break;
  }
  tell({ kind: "done" });
}

function report(): void {
  const dueMs = sharedClockMs() - REPORT_AFTER_MS;
  const due = unreported.findIndex(({ atMs }) => atMs > dueMs);
  const events = unreported.splice(0, due === -1 ? unreported.length : due);
  if (events.length === 0) return;
  tell({ kind: "stored", events: events.map(({ sighting, atMs, call }) => ({ sighting, atMs, told: call.told })) });
}

function tell(message: StreamMessage): void {
  process.send?.(message);
}
