import { z } from "zod";

/** The tokens of RFC 9110, 5.6.2. */
const HEADER_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;

/** Visible ASCII with spaces and tabs between: what every receiver reads in the same way. */
const HEADER_VALUE = /^[\x21-\x7e]([\x20-\x7e\t]*[\x21-\x7e])?$/;

const MAX_HEADERS = 50;
const MAX_VALUE_CHARS = 8_192;

/** Set by HTTP itself or by every client of ours. */
const OWN_HEADERS = [
  "connection",
  "content-encoding",
  "content-length",
  "expect",
  "host",
  "keep-alive",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "user-agent",
  "webhook-id",
  "webhook-signature",
  "webhook-timestamp",
];

export const headerValue = z
  .string()
  .max(MAX_VALUE_CHARS)
  .regex(HEADER_VALUE, "visible ASCII characters, with spaces only between them");

/**
 * Further headers of a request.
 *
 * @param own names in lower case that who sends the request sets, beside those that are always set
 */
export function headersField(own: readonly string[]) {
  const taken = new Set([...OWN_HEADERS, ...own]);
  return z
    .record(z.string().regex(HEADER_NAME, "the name of an HTTP header"), headerValue)
    .refine((headers) => Object.keys(headers).length <= MAX_HEADERS, { error: `at most ${MAX_HEADERS} headers` })
    .superRefine((headers, context) => {
      const seen = new Set<string>();
      for (const header of Object.keys(headers)) {
        const name = header.toLowerCase();
        const problem = (message: string) => context.addIssue({ code: "custom", path: [header], message });
        if (taken.has(name)) problem("is set by Millrace");
        else if (seen.has(name)) problem("is there twice, in different case");
        seen.add(name);
      }
    })
    .default({});
}
