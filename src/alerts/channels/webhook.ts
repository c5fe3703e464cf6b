import type { Clock } from "../../core/clock.ts";
import { WebhookSigner } from "../../outbound/webhook-signer.ts";
import type { WebhookConfig } from "../channel-config.ts";
import { titleOf } from "../message-text.ts";
import type { Message, Notice } from "../notice.ts";
import { JsonPoster } from "./http-post.ts";
import type { Messenger } from "./messenger.ts";

/**
 * Messages as JSON, signed as Standard Webhooks says.
 * A message keeps its `webhook-id` when it is sent again, so that the receiver can tell.
 */
export function createWebhookMessenger(config: WebhookConfig, clock: Clock): Messenger {
  const poster = new JsonPoster(new URL(config.url), config.timeoutMs, clock, config.headers);
  const signer = new WebhookSigner([config.secret]);
  return {
    send(message, signal) {
      const body = Buffer.from(JSON.stringify(webhookBody(message)));
      return poster.post(body, signer.headers(message.id, body, clock.nowMs()), signal);
    },
    close: () => poster.close(),
  };
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
