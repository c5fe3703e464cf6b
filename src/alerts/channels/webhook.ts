import { createHmac } from "node:crypto";
import type { Clock } from "../../core/clock.ts";
import type { WebhookConfig } from "../channel-config.ts";
import { titleOf } from "../message-text.ts";
import type { Message, Notice } from "../notice.ts";
import { JsonPoster } from "./http-post.ts";
import type { Messenger } from "./messenger.ts";

const SECRET_PREFIX = "whsec_";

/**
 * Messages as JSON, signed as Standard Webhooks says
 * (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md).
 * A message keeps its `webhook-id` when it is sent again, so that the receiver can tell.
 */
export function createWebhookMessenger(config: WebhookConfig, clock: Clock): Messenger {
  const poster = new JsonPoster(new URL(config.url), config.timeoutMs, config.headers);
  return {
    send(message, signal) {
      const timestamp = String(Math.floor(clock.nowMs() / 1_000));
      const body = JSON.stringify(webhookBody(message));
      const headers = {
        "webhook-id": message.id,
        "webhook-timestamp": timestamp,
        "webhook-signature": signatureOf(config.secret, message.id, timestamp, body),
      };
      return poster.post(Buffer.from(body), headers, signal);
    },
    close: () => poster.close(),
  };
}

export function signatureOf(secret: string, id: string, timestamp: string, body: string): string {
  const key = secret.startsWith(SECRET_PREFIX)
    ? Buffer.from(secret.slice(SECRET_PREFIX.length), "base64")
    : Buffer.from(secret);
  return `v1,${createHmac("sha256", key).update(`${id}.${timestamp}.${body}`).digest("base64")}`;
}

function webhookBody({ notices, dropped }: Message): object {
  const timestamp = Math.max(...notices.map(({ atMs }) => atMs));
  return {
    type: "millrace.alerts",
    timestamp: new Date(timestamp).toISOString(),
    data: { alerts: notices.map((notice) => alertOf(notice)), dropped },
  };
}

function alertOf(notice: Notice): object {
  const { kind, rule, sink, node, severity, labels, group, value, finding, description, link, sample } = notice;
  return {
    status: kind,
    title: titleOf(notice),
    rule,
    severity,
    labels,
    group: Object.fromEntries(group.map(({ by, value: of }) => [by, of])),
    value,
    finding,
    description,
    link,
    node,
    sink,
    startedAt: new Date(notice.startedMs).toISOString(),
    at: new Date(notice.atMs).toISOString(),
    firstEventAt: sample && new Date(sample.firstMs).toISOString(),
    lastEventAt: sample && new Date(sample.lastMs).toISOString(),
    sampleEventId: sample?.id,
    suppressed: notice.suppressed,
  };
}
