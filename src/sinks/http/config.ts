import { z } from "zod";
import { batchField, sinkFields } from "../../core/config-fields.ts";
import { compression } from "../../formats/compression.ts";
import { headersField, headerValue } from "../../outbound/headers-field.ts";
import { outboundTlsField } from "../../outbound/tls-config.ts";
import { hasUserInfo, httpUrl } from "../../outbound/url-field.ts";
import { WEBHOOK_SECRET } from "../../outbound/webhook-signer.ts";

/** Most secrets: each is another signature in the header. */
const MAX_SECRETS = 5;

/** Largest body before compression, in bytes. */
const MAX_BODY_BYTES = 64 * 1024 * 1024;

/** What a collector takes in one request unless `http.maxEventsPerRequest` says otherwise. */
const MAX_EVENTS = 10_000;

const auth = z.discriminatedUnion("type", [
  z.strictObject({
    type: z.literal("bearer"),
    token: headerValue.describe("Sent as `Authorization: Bearer TOKEN`. Take it from the environment: `${TOKEN}`."),
  }),
  z.strictObject({
    type: z.literal("basic"),
    user: z.string().regex(/^[^:\p{Cc}]+$/u, "a user name has no colon and no control characters"),
    password: z
      .string()
      .regex(/^\P{Cc}*$/u, "a password has no control characters")
      .describe("Take it from the environment: `${PASSWORD}`."),
  }),
]);

const fields = z.strictObject({
  ...sinkFields,
  type: z.literal("http"),
  url: httpUrl
    .refine((url) => !hasUserInfo(url), { error: "must not hold a user name or password: use `auth`" })
    .describe("Where batches are sent. Redirects are not followed."),
  method: z.enum(["POST", "PUT"]).default("POST").describe("Method of the request."),
  format: z
    .enum(["ndjson", "json", "cloudevents"])
    .default("ndjson")
    .describe(
      "`ndjson`: an event a line. `json`: an array. `cloudevents`: the same array as application/cloudevents-batch+json.",
    ),
  compression: compression.default("none").describe("Content-Encoding of the body."),
  headers: headersField(["prefer", "x-write-key"]).describe(
    "Further headers. Values may be secrets from the environment; they are never logged.",
  ),
  auth: auth.optional().describe("What is sent as Authorization. Default: nothing."),
  sign: z
    .strictObject({
      secrets: z
        .array(z.string().regex(WEBHOOK_SECRET, "`whsec_` and 24 to 64 bytes in base64"))
        .min(1)
        .max(MAX_SECRETS)
        .describe(
          "Each makes a signature; the receiver needs to know one of them. Two or more let a secret be replaced.",
        ),
    })
    .optional()
    .describe(
      "Sign each batch as Standard Webhooks has it: `webhook-id`, which is the same for a batch sent again, `webhook-timestamp` and `webhook-signature`, over the body before compression.",
    ),
  millrace: z
    .strictObject({
      key: z
        .string()
        .regex(/^[A-Za-z0-9._~+/-]{1,200}=*$/, "a write key")
        .describe("Write key of the receiver's source, which should have `relay: true`. Sent as X-Write-Key."),
      ack: z
        .enum(["received", "accepted", "durable", "delivered"])
        .default("durable")
        .describe(
          "What the receiver must promise before an event counts as delivered here. `delivered`: its required sinks have it.",
        ),
      pollMs: z
        .int()
        .min(50)
        .max(60_000)
        .default(500)
        .describe(
          "With `delivered`: how often the receiver is asked about events that it has accepted and not delivered yet, in milliseconds.",
        ),
    })
    .optional()
    .describe("The receiver is another Millrace. Default: anything that answers with 2xx."),
  tls: outboundTlsField.describe("How the receiver's certificate is checked, and ours is shown."),
  batch: batchField({
    maxEvents: 500,
    maxEventsCap: MAX_EVENTS,
    maxBytes: 4 * 1024 * 1024,
    maxBytesCap: MAX_BODY_BYTES,
    maxAgeMs: 1_000,
  }).describe("When a batch is closed and sent. Bytes are those of the body before compression."),
});

export const httpConfig = fields
  .superRefine(({ headers, auth: given, format }, context) => {
    for (const header of Object.keys(headers)) {
      const name = header.toLowerCase();
      const problem = (message: string) => context.addIssue({ code: "custom", path: ["headers", header], message });
      if (name === "authorization" && given !== undefined) problem("is set by `auth`");
      if (name === "content-type" && format === "cloudevents") problem("is set by the format `cloudevents`");
    }
  })
  .refine((sink) => sink.millrace === undefined || sink.method === "POST", {
    path: ["method"],
    error: "a Millrace takes events by POST",
  })
  .refine((sink) => sink.millrace === undefined || sink.sign === undefined, {
    path: ["sign"],
    error: "a Millrace does not check signatures: it knows senders by their write key",
  })
  .refine((sink) => sink.millrace === undefined || !/[?&](ack|key|validate)=/.test(URL.parse(sink.url)?.search ?? ""), {
    path: ["url"],
    error: "holds a parameter that `millrace` sets: leave ack, key and validate out",
  });

export type HttpSinkConfig = z.infer<typeof httpConfig>;
