import { z } from "zod";
import { batchField, byteSize, sinkFields } from "../../core/config-fields.ts";
import { outboundTlsField } from "../../outbound/tls-config.ts";
import { isSubjectTemplate } from "./subject.ts";

const SERVER = /^((nats|tls):\/\/)?(\[[0-9A-Fa-f:.]+\]|[^\s:/@[\]]+)(:\d{1,5})?$/;

/** A server's default for `max_payload` (https://docs.nats.io/running-a-nats-service/configuration#connectivity). */
const DEFAULT_MAX_PAYLOAD_BYTES = 1024 * 1024;

/** The most that `max_payload` can be set to, by the same page. */
const MAX_PAYLOAD_BYTES = 64 * 1024 * 1024;

const auth = z
  .strictObject({
    user: z.string().min(1).optional().describe("User name, with `password`."),
    password: z.string().min(1).optional().describe("Password, with `user`."),
    token: z.string().min(1).optional().describe("Token."),
    nkeySeed: z
      .string()
      .regex(/^SU[A-Z2-7]{56}$/, "the seed of a user's NKey: SU and 56 letters and digits")
      .optional()
      .describe("Seed of a user's NKey."),
    credsFile: z.string().min(1).optional().describe("File with a user's JWT and seed, as `nsc` writes it."),
  })
  .refine(({ user, password }) => (user === undefined) === (password === undefined), {
    error: "user and password belong together",
  })
  .refine(
    ({ user, token, nkeySeed, credsFile }) =>
      [user, token, nkeySeed, credsFile].filter((way) => way !== undefined).length === 1,
    { error: "one way to log in: user and password, token, nkeySeed, or credsFile" },
  )
  .optional();

const fields = z.strictObject({
  ...sinkFields,
  type: z.literal("nats"),
  servers: z
    .array(z.string().regex(SERVER, "nats://host:port, host:port, or a host, whose port is then 4222"))
    .min(1)
    .max(100)
    .describe("Servers to connect to, one at a time; another one when it is gone."),
  subject: z
    .string()
    .refine(isSubjectTemplate, {
      error:
        "tokens of letters, digits, `_` and `-`, parted by dots; {source} and {type} may stand in all but the first",
    })
    .describe(
      "Subject to publish to. `{source}` and `{type}` stand for the event's, where other characters than letters, digits, `_`, `-` and the dots of a type become `_`. A stream must take every subject that can come of it.",
    ),
  stream: z
    .string()
    .regex(/^[A-Za-z0-9_-]{1,255}$/, "the name of a stream: letters, digits, `_` and `-`")
    .optional()
    .describe("Stream that must store the events. Default: the one that takes the subject, whichever it is."),
  headers: z
    .enum(["cloudevents", "none"])
    .default("cloudevents")
    .describe(
      "`cloudevents`: content-type, ce-id, ce-type and ce-source. `none`: only Nats-Msg-Id, by which the stream knows repeats.",
    ),
  maxPayloadBytes: byteSize({ min: 1024, max: MAX_PAYLOAD_BYTES })
    .prefault(DEFAULT_MAX_PAYLOAD_BYTES)
    .describe("The servers' max_payload, headers included. An event that does not fit is dead-lettered."),
  inboxPrefix: z
    .string()
    .regex(/^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$/, "a subject without wildcards")
    .default("_INBOX")
    .describe("Where the stream's answers arrive: the user must be allowed to subscribe to `<inboxPrefix>.>`."),
  auth: auth.describe("How to log in."),
  tls: outboundTlsField.describe(
    "Connect by TLS only: `{}` with the authorities that Node trusts. Without it, TLS is used where a server offers it.",
  ),
  batch: batchField({
    maxEvents: 1_000,
    maxEventsCap: 20_000,
    maxBytes: 1024 * 1024,
    maxBytesCap: 64 * 1024 * 1024,
    maxAgeMs: 100,
  }).describe("When a batch is closed and sent: its events are published one after another, without waiting between."),
});

export const natsConfig = fields.refine(
  ({ servers, tls }) => tls !== undefined || !servers.some((server) => server.startsWith("tls://")),
  { path: ["tls"], error: "needed where a server is tls://…: `{}` trusts the authorities that Node trusts" },
);

export type NatsConfig = z.infer<typeof natsConfig>;
