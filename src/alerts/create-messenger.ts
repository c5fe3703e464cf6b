import type { Clock } from "../core/clock.ts";
import type { EmailConfig, SlackConfig, WebhookConfig } from "./channel-config.ts";
import { createEmailMessenger } from "./channels/email.ts";
import type { Messenger } from "./channels/messenger.ts";
import { createSlackMessenger } from "./channels/slack.ts";
import { createWebhookMessenger } from "./channels/webhook.ts";

export function createMessenger(config: SlackConfig | WebhookConfig | EmailConfig, clock: Clock): Messenger {
  switch (config.type) {
    case "slack":
      return createSlackMessenger(config, clock);
    case "webhook":
      return createWebhookMessenger(config, clock);
    case "email":
      return createEmailMessenger(config);
  }
}
