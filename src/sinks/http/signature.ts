import { createHash, createHmac } from "node:crypto";
import type { Batch } from "../../core/sink.ts";

/** The headers of Standard Webhooks, which tell who sent a body and when. */
export class WebhookSigner {
  readonly #keys: readonly Buffer[];

  /** @param secrets each `whsec_` and base64 */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) => Buffer.from(secret.slice("whsec_".length), "base64"));
  }

  /**
   * @param id the same each time the same content is sent; holds no full stop
   * @param body before compression
   * @param nowMs time of this attempt, by which receivers refuse what is old
   */
  headers(id: string, body: Buffer, nowMs: number): Record<string, string> {
    const timestamp = String(Math.floor(nowMs / 1000));
    const signatures = this.#keys.map(
      (key) => `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.`).update(body).digest("base64")}`,
    );
    return {
      "webhook-id": id,
      "webhook-timestamp": timestamp,
      "webhook-signature": signatures.join(" "),
    };
  }
}

/**
 * A name for the batch that follows from the events in it, so that a receiver can tell one that is
 * sent again. Events that were read from different places of the journal differ in their bytes.
 */
export function batchId(events: Batch): string {
  const hash = createHash("sha256");
  for (const event of events) hash.update(event.bytes).update("\n");
  return `msg_${hash.digest("base64url").slice(0, 32)}`;
}
