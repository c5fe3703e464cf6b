import { z } from "zod";
import { byteSize, nameField } from "../core/config-fields.ts";
import { enrichmentFields, enrichmentProblems } from "./enrichment/config.ts";
import { isOriginPattern } from "./origins.ts";
import { PROTOCOL_ROUTES } from "./protocols/all-protocols.ts";
import { PROTOCOL_NAMES } from "./protocols/protocol-names.ts";
import { snowplowOptions } from "./protocols/snowplow/snowplow-options.ts";
import { valueOptions } from "./protocols/values/value-options.ts";

/** Where a TLS certificate comes from, and what is spoken behind it. */
export const tlsConfig = z.strictObject({
  cert: z
    .string()
    .min(1)
    .describe("PEM file with the certificate and those that lead to its root. Read again when it changes."),
  key: z.string().min(1).describe("PEM file with the certificate's private key, not encrypted."),
  minVersion: z.enum(["TLSv1.2", "TLSv1.3"]).default("TLSv1.2").describe("Oldest version of TLS that clients may use."),
  http2: z
    .boolean()
    .default(true)
    .describe("Offer HTTP/2 to clients that speak it (ALPN); HTTP/1.1 is offered in any case."),
});

export type TlsConfig = z.infer<typeof tlsConfig>;

export const listenConfig = z
  .strictObject({
    host: z.string().min(1).default("0.0.0.0").describe("Address to listen on."),
    port: z.int().min(0).max(65_535).default(8080).describe("Port for events. 0: any free port."),
    backlog: z
      .int()
      .min(1)
      .max(65_535)
      .default(1024)
      .describe("Connections the kernel may hold until they are taken; it caps this at net.core.somaxconn."),
    tls: tlsConfig
      .optional()
      .describe("Serve HTTPS with this certificate. Default: plain HTTP, for a load balancer that ends TLS."),
  })
  .prefault({});

export type ListenConfig = z.infer<typeof listenConfig>;

export const httpConfig = z
  .strictObject({
    maxEventBytes: byteSize({ min: 1024, max: 64 * 1024 ** 2 })
      .prefault("1MiB")
      .describe("Largest event. Kinesis takes records of 1 MiB unless the stream is set to more."),
    maxRequestBytes: byteSize({ min: 1024, max: 256 * 1024 ** 2 })
      .prefault("20MiB")
      .describe("Largest request body, after decompression."),
    maxInflateRatio: z
      .number()
      .min(2)
      .max(10_000)
      .default(100)
      .describe("A body that decompresses to more than this many times its size is refused as a bomb."),
    maxEventsPerRequest: z.int().min(1).max(100_000).default(10_000).describe("Most events in one request."),
    maxJsonDepth: z.int().min(1).max(1000).default(32).describe("Deepest nesting of objects and arrays in an event."),
    maxJsonKeys: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(10_000)
      .describe("Most members and elements in an event, at all levels."),
    maxHeaderBytes: byteSize({ min: 1024, max: 1024 ** 2 })
      .prefault("16KiB")
      .describe("Largest request header."),
    headersTimeoutMs: z
      .int()
      .min(100)
      .max(600_000)
      .default(10_000)
      .describe("Longest time for a request's header to arrive, in milliseconds."),
    requestTimeoutMs: z
      .int()
      .min(100)
      .max(3_600_000)
      .default(60_000)
      .describe("Longest time for a whole request to arrive, and for a reply to be taken, in milliseconds."),
    idleTimeoutMs: z
      .int()
      .min(1000)
      .max(3_600_000)
      .default(75_000)
      .describe(
        "How long an idle connection is kept, in milliseconds. Longer than the 60 s of AWS and nginx load balancers: the side that closes first must be the balancer, or it sends a request into a closing connection and answers 502.",
      ),
    plainRequests: z
      .boolean()
      .default(true)
      .describe(
        "Serve POST /v1/events of the usual form without node's HTTP server, for less CPU. Whatever is unusual goes to node's server in any case; off: all of it.",
      ),
    maxConnections: z
      .int()
      .min(1)
      .max(1_000_000)
      .default(16_000)
      .describe("Connections at a time; more are closed. Lowered where the limit of open files is lower."),
    maxPendingBytes: byteSize({ min: 1024 ** 2 })
      .prefault("256MiB")
      .describe("Bytes of request bodies held in memory at a time; more requests are answered 429."),
    ackTimeoutMs: z
      .int()
      .min(1)
      .max(600_000)
      .default(5000)
      .describe("Longest wait of `?ack=delivered` for the sinks, in milliseconds; then the answer is 202."),
    trustedProxyHops: z
      .int()
      .min(0)
      .max(16)
      .default(0)
      .describe(
        "Proxies in front that append to X-Forwarded-For. The client's address is taken that many places from its right end. 0: the header is ignored.",
      ),
    preflightMaxAgeSeconds: z
      .int()
      .min(0)
      .max(86_400)
      .default(86_400)
      .describe("How long a browser may remember a CORS preflight. Chrome caps it at 7200."),
  })
  .refine((http) => http.maxEventBytes <= http.maxRequestBytes, {
    error: "maxEventBytes must not exceed maxRequestBytes: the event would never fit in a request",
  })
  .refine((http) => http.maxRequestBytes <= http.maxPendingBytes, {
    error: "maxRequestBytes must not exceed maxPendingBytes: the largest request would never be read",
  })
  .refine((http) => http.headersTimeoutMs <= http.requestTimeoutMs, {
    error: "headersTimeoutMs must not exceed requestTimeoutMs, which includes it",
  })
  .prefault({});

export type HttpConfig = z.infer<typeof httpConfig>;

/** What a 2xx promises, from the least to the most. */
export const ACK_LEVELS = ["received", "accepted", "durable", "delivered"] as const;
export type AckLevel = (typeof ACK_LEVELS)[number];

export const CLIENT_IP_FORMS = ["full", "truncated", "hashed", "none"] as const;
export type ClientIpForm = (typeof CLIENT_IP_FORMS)[number];

const rate = {
  eventsPerSecond: z.number().positive().max(1e9).describe("Events a second, on average."),
  burst: z.number().min(1).max(1e9).describe("Events that may come at once after a quiet time."),
};

const sourceFields = z.strictObject({
  name: nameField.describe("Unique name; events, the ledger and metrics go by it."),
  keys: z
    .array(
      z
        .string()
        .regex(
          /^[A-Za-z0-9._~+/-]{1,200}=*$/,
          "a write key has 1 to 200 letters, digits and . _ ~ + / - (what RFC 6750 allows in a Bearer token)",
        ),
    )
    .min(1)
    .describe("Write keys that senders may use. Two or more let a key be replaced without losing an event."),
  origins: z
    .array(
      z.string().refine(isOriginPattern, {
        error:
          'an origin is written as browsers send it, such as "https://shop.example" (lower case, no path, no default port), "https://*.shop.example" or "*"',
      }),
    )
    .default([])
    .describe(
      'Web origins whose pages may send events: exact, `https://*.shop.example` for any subdomain, or "*" for any page, without credentials.',
    ),
  validation: z
    .enum(["enforce", "report", "off"])
    .default("enforce")
    .describe(
      "enforce: invalid events are refused. report: they are accepted with warnings. off: schemas are not looked at.",
    ),
  unknownTypes: z
    .enum(["accept", "reject"])
    .default("accept")
    .describe("What to do with event types that have no schema."),
  ack: z
    .enum(ACK_LEVELS)
    .default("accepted")
    .describe("What 2xx promises unless the request says `?ack=`: received, accepted, durable or delivered."),
  relay: z
    .boolean()
    .default(false)
    .describe(
      "Senders of this source are collectors too: what another Millrace has recorded of an event stays (`source`, `receivedtime`, `clientip`, `useragent`, `collector`), and `via` tells that it passed here. Who has the key can claim anything, so keep it secret.",
    ),
  requireId: z
    .boolean()
    .default(false)
    .describe("Refuse events without an id. Off: an id is assigned, and a repeat of the request makes a second event."),
  clientIp: z
    .enum(CLIENT_IP_FORMS)
    .default("truncated")
    .describe(
      "The sender's address in events: full, truncated (to /24 or /48), hashed (with a salt that is forgotten every day) or none.",
    ),
  ...enrichmentFields,
  protocols: z
    .array(z.enum(PROTOCOL_NAMES))
    .min(1)
    .default([...PROTOCOL_NAMES])
    .describe("Dialects in which the source's events may be sent. Default: all."),
  paths: z
    .record(
      z.string().regex(/^\/[\w.~!$'()*+,;:@/-]{1,200}$/, "a path begins with / and has no query"),
      z.string().refine((path) => PROTOCOL_ROUTES.has(path), {
        error: `stands for a path that takes events: ${[...PROTOCOL_ROUTES.keys()].join(", ")}`,
      }),
    )
    .default({})
    .describe(
      "Further paths, such as `/t: /v1/events` for visitors whose browsers block well-known ones: each with the path that it stands for. What comes there is the source's, with or without a write key.",
    ),
  json: valueOptions
    .optional()
    .describe("What the values sent to /v1/json have as type, id and time. Default: the type is json."),
  logs: valueOptions
    .optional()
    .describe(
      "What the records sent to /v1/records have as type, id and time. Default: the type is the header Fluent-Tag, or log.",
    ),
  snowplow: snowplowOptions.optional().describe("What is done for Snowplow's trackers beyond taking their events."),
  quota: z
    .strictObject({
      ...rate,
      perClient: z
        .strictObject({
          ...rate,
          burst: rate.burst.describe(
            "Events that may come at once after a quiet time, and most in one request; a larger request is answered 413.",
          ),
        })
        .optional()
        .describe(
          "Limit of what one client address may send; an IPv6 client is its /64. Behind proxies set http.trustedProxyHops, or all clients are one. Default: none.",
        ),
    })
    .refine((quota) => (quota.perClient?.eventsPerSecond ?? 0) <= quota.eventsPerSecond, {
      path: ["perClient", "eventsPerSecond"],
      error: "perClient.eventsPerSecond must not exceed eventsPerSecond: a client never gets more than its source",
    })
    .optional()
    .describe("Limit of what the source may send to this node; above it, 429. Default: none."),
});

export const sourceConfig = sourceFields.superRefine((source, context) => {
  for (const { path, message } of enrichmentProblems(source))
    context.addIssue({ code: "custom", path: [...path], message });
  if (!source.relay) return;
  for (const [field, message] of relayProblems(source)) context.addIssue({ code: "custom", path: [field], message });
});

/** What makes no sense where requests come from collectors. */
function relayProblems({ origins, userAgent, bots, geo }: z.infer<typeof sourceFields>): [string, string][] {
  const problems: [string, string][] = [];
  if (origins.length > 0) problems.push(["origins", "web pages must not have the key of a relay: use another source"]);
  const message = "would tell of the collector that relays, not of the client: set it there";
  if (userAgent === "parsed") problems.push(["userAgent", message]);
  if (bots !== "off") problems.push(["bots", message]);
  if (geo !== undefined) problems.push(["geo", message]);
  return problems;
}

export type SourceConfig = z.infer<typeof sourceConfig>;
