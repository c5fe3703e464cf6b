import { createHmac } from "node:crypto";

const PREFIX = "whsec_";

/**
 * Secrets have 24 to 64 bytes, in base64 behind `whsec_`
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 */
export const WEBHOOK_SECRET = /^whsec_[A-Za-z0-9+/]{32,86}={0,2}$/;

/** The headers of Standard Webhooks, which tell who sent a body and when. */
export class WebhookSigner {
  readonly #keys: readonly Buffer[];

  /** @param secrets each `whsec_` and base64, or any other text, which is the key as it is */
  constructor(secrets: readonly string[]) {
    this.#keys = secrets.map((secret) =>
      secret.startsWith(PREFIX) ? Buffer.from(secret.slice(PREFIX.length), "base64") : Buffer.from(secret),
    );
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
