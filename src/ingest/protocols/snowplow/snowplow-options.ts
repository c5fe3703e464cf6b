import { z } from "zod";

/** Longer than browsers keep a cookie: 400 days. Source: RFC 6265bis, section 5.5, and Chrome since version 104. */
const MAX_COOKIE_DAYS = 400;

const networkUserId = z
  .strictObject({
    cookie: z
      .string()
      .regex(
        /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/,
        "a cookie's name has 1 to 100 letters, digits and other token characters",
      )
      .default("sp")
      .describe("Name of the cookie."),
    maxAgeDays: z
      .int()
      .min(1)
      .max(MAX_COOKIE_DAYS)
      .default(365)
      .describe("How long a browser keeps the cookie after its last event, in days."),
    domain: z
      .string()
      .max(253)
      .regex(
        /^[a-z0-9-]+(\.[a-z0-9-]+)+$/,
        "a domain is written in lower case and without a dot before it: shop.example",
      )
      .optional()
      .describe(
        "Domain whose subdomains get the cookie too, which must be the collector's own or above it. Default: the collector's host alone.",
      ),
  })
  .refine(({ cookie, domain }) => domain === undefined || !/^__Host-/i.test(cookie), {
    path: ["domain"],
    error: "browsers refuse a cookie that is named __Host- and has a domain",
  });

/** Options of a source for what its Snowplow trackers send. */
export const snowplowOptions = z.strictObject({
  networkUserId: networkUserId
    .optional()
    .describe(
      "Tell browsers apart by a cookie of the collector's: events get `networkuserid`. A visitor's consent may be needed. Default: no cookie is read or set.",
    ),
});

export type SnowplowOptions = z.infer<typeof snowplowOptions>;
export type NetworkUserIdOptions = z.infer<typeof networkUserId>;
