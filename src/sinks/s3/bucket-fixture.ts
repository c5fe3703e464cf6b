import { pino } from "pino";
import type { Clock } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import { s3Config } from "./config.ts";
import type { Inscription } from "./inscription.ts";
import type { Created, Found, NewObject, ObjectStore } from "./object-store.ts";
import { createS3Sink, type S3Sink } from "./sink.ts";

/** `lost`: stored, but the answer did not come. */
export type Outcome = "ok" | "failed" | "lost";

/** A bucket that honours conditions, and fails as it is told to. */
export class MemoryBucket implements ObjectStore {
  readonly objects = new Map<string, { body: Buffer; inscription: Inscription | undefined }>();
  outcomes: Outcome[] = [];

  create({ key, body, inscription }: NewObject): Promise<Created> {
    const outcome = this.outcomes.shift() ?? "ok";
    if (outcome === "failed") return Promise.resolve({ kind: "failed", reason: "503" });
    const exists = this.objects.has(key);
    if (!exists) this.objects.set(key, { body, inscription });
    if (outcome === "lost") return Promise.resolve({ kind: "failed", reason: "reset" });
    return Promise.resolve({ kind: exists ? "exists" : "created" });
  }

  look(key: string): Promise<Found> {
    if (this.outcomes.shift() === "failed") return Promise.resolve({ kind: "failed", reason: "503" });
    return Promise.resolve({ kind: "found", inscription: this.objects.get(key)?.inscription });
  }

  check(): Promise<readonly string[]> {
    return Promise.resolve([]);
  }

  async close(): Promise<void> {}

  /** The ids in all objects, sorted: those of events that are there twice, twice. */
  ids(): string[] {
    const texts = [...this.objects.values()].map(({ body }) => body.toString());
    return texts.flatMap((text) => text.split("\n").filter((line) => line !== "")).toSorted();
  }
}

export function openSink(store: ObjectStore, change: object = {}, clock?: Clock): S3Sink {
  const least = { name: "archive", type: "s3", bucket: "events", region: "us-east-1", compression: "none" };
  const config = s3Config.parse({ ...least, ...change });
  return createS3Sink(config, {
    node: "node",
    slot: "0",
    log: pino({ level: "silent" }),
    store,
    ...(clock && { clock }),
  });
}

export function eventAt(position: number, id: string, receivedMs = 1_795_000_000_000): CollectedEvent {
  return { position, id, type: "t", source: "s", receivedMs, bytes: Buffer.from(id) };
}
