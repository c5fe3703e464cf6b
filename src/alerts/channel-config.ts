import { z } from "zod";
import { nameField } from "../core/config-fields.ts";
import { headersField } from "../outbound/headers-field.ts";
import { httpUrl } from "../outbound/url-field.ts";
import { WEBHOOK_SECRET } from "../outbound/webhook-signer.ts";

const email = z.string().regex(/^[^\s<>,;@]+@[^\s<>,;@]+$/, "an e-mail address such as ops@example.com");

const headers = headersField(["content-type"]).describe(
  "Further headers, such as `authorization`. Their values are not logged.",
);

const channelFields = {
  name: nameField.describe("Name of the channel, unique in the sink."),
  timeoutMs: z.int().min(100).max(120_000).default(10_000).describe("Longest wait for an answer, in milliseconds."),
};

/** Of channels to which messages are sent one after the other. */
const messageFields = {
  minGapMs: z
    .int()
    .min(0)
    .max(3_600_000)
    .default(1_000)
    .describe("Shortest time between two messages, in milliseconds. Alerts that wait for it go out together."),
  maxAgeMs: z
    .int()
    .min(1_000)
    .max(7 * 86_400_000)
    .default(3_600_000)
    .describe("A message that could not be sent for this long, in milliseconds, is dropped and counted."),
};

const slack = z.strictObject({
  ...channelFields,
  type: z.literal("slack"),
  url: httpUrl.describe("URL of an incoming webhook of Slack, or of what understands the same. It is a secret."),
  ...messageFields,
});

const webhook = z.strictObject({
  ...channelFields,
  type: z.literal("webhook"),
  url: httpUrl.describe("Where messages are posted as JSON, signed as Standard Webhooks describes."),
  secret: z
    .string()
    .min(16)
    .max(500)
    .refine((secret) => !secret.startsWith("whsec_") || WEBHOOK_SECRET.test(secret), {
      error: "behind `whsec_` there are 24 to 64 bytes in base64",
    })
    .describe("Key of the signature: `whsec_` and base64, or any text, which is taken as it is."),
  headers,
  ...messageFields,
});

const mail = z
  .strictObject({
    ...channelFields,
    type: z.literal("email"),
    host: z.string().min(1).describe("Host of the SMTP server."),
    port: z.int().min(1).max(65_535).default(587).describe("Port of the SMTP server."),
    secure: z
      .boolean()
      .default(false)
      .describe("TLS from the first byte, as on port 465. Otherwise STARTTLS is used when the server offers it."),
    requireTls: z
      .boolean()
      .optional()
      .describe("Send nothing without TLS. Default: true when there is `auth`, so that no password goes in the clear."),
    auth: z
      .strictObject({
        user: z.string().min(1).describe("User name."),
        pass: z.string().min(1).describe("Password."),
      })
      .optional()
      .describe("How to log in. Default: not at all."),
    from: email.describe("Address of the sender."),
    to: z.array(email).min(1).max(50).describe("Addresses of those who get the messages."),
    ...messageFields,
  })
  .refine((channel) => !channel.secure || channel.requireTls !== false, {
    path: ["requireTls"],
    error: "with secure there is always TLS",
  });

const alertmanager = z.strictObject({
  ...channelFields,
  type: z.literal("alertmanager"),
  urls: z
    .array(httpUrl)
    .min(1)
    .max(8)
    .describe("URLs of all Alertmanagers of the cluster, without `/api/v2`. Each is told, as Prometheus does."),
  headers,
  resendEveryMs: z
    .int()
    .min(1_000)
    .max(600_000)
    .default(30_000)
    .describe(
      "How often what fires is told again, in milliseconds. What was not told four times in a row has expired.",
    ),
});

export const channel = z.discriminatedUnion("type", [slack, webhook, mail, alertmanager]);

export type ChannelConfig = z.infer<typeof channel>;
export type SlackConfig = z.infer<typeof slack>;
export type WebhookConfig = z.infer<typeof webhook>;
export type EmailConfig = z.infer<typeof mail>;
export type AlertmanagerConfig = z.infer<typeof alertmanager>;
