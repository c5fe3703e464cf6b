import { z } from "zod";
import { MAX_NAME_BYTES } from "../../../core/event.ts";
import { pointerSteps } from "../../json-pointer.ts";

/** An event must not carry the sender's credentials. */
const SECRET_HEADERS: ReadonlySet<string> = new Set(["authorization", "cookie", "proxy-authorization", "x-write-key"]);

const MAX_PLACE_LENGTH = 500;

const HEADER = /^header:([A-Za-z0-9-]+)$/;

const place = z
  .string()
  .max(MAX_PLACE_LENGTH)
  .refine((text) => pointerSteps(text) !== undefined || HEADER.test(text), {
    error:
      "must be a JSON Pointer into the value, such as /order/id, or the name of a header of the request, such as header:X-GitHub-Event",
  })
  .refine((text) => !SECRET_HEADERS.has(headerOf(text) ?? ""), {
    error: "must not be a header with credentials, which events would then carry",
  });

/** What the events of a source have as `type`, `id` and `time` whose values are JSON of any form. */
export const valueOptions = z
  .strictObject({
    type: z
      .string()
      .min(1)
      .max(MAX_NAME_BYTES)
      .regex(/^[^\p{Cc}\p{Cs}]*$/u, "must have no control characters")
      .optional()
      .describe("The type of all events. Default: the name of the protocol."),
    typeFrom: place
      .optional()
      .describe(
        "Where the type is instead: a JSON Pointer into the value, or header:NAME. A value without it is refused.",
      ),
    idFrom: place
      .optional()
      .describe("Where the id is, if there is one: a string or a number. Default: an id is assigned."),
    timeFrom: place
      .optional()
      .describe("Where the time is, if there is one: RFC 3339 or Unix time. Default: when it was received."),
  })
  .refine((options) => options.type === undefined || options.typeFrom === undefined, {
    path: ["typeFrom"],
    error: "type and typeFrom contradict each other: give one",
  });

export type ValueOptions = z.infer<typeof valueOptions>;

/** The name in `header:NAME`, in lower case as node has it; `undefined` for a pointer. */
export function headerOf(text: string): string | undefined {
  return HEADER.exec(text)?.[1]?.toLowerCase();
}
