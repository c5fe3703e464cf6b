import { z } from "zod";
import { regionField } from "../../aws/config-fields.ts";
import { batchField, byteSize, sinkFields } from "../../core/config-fields.ts";
import { outboundTlsField } from "../../outbound/tls-config.ts";
import { httpUrl, isPlainUrl } from "../../outbound/url-field.ts";
import { indexProblem, MAX_TYPES } from "./index-names.ts";

/**
 * `http.max_content_length` is 100 MB unless set otherwise, and counts the body after decompression
 * (https://docs.opensearch.org/latest/install-and-configure/configuring-opensearch/network-settings/). Amazon's
 * smaller instances take 10 MiB (https://docs.aws.amazon.com/opensearch-service/latest/developerguide/limits.html).
 */
const MAX_BODY_BYTES = 95 * 1024 * 1024;

const DAY_LIMIT = 36_500;

const setup = z
  .strictObject({
    data: z
      .enum(["flat", "dynamic", "stored"])
      .default("flat")
      .describe(
        "How `data` is mapped. `flat`: one field whose keys are all searchable as text, without a mapping of their own; `data` must be an object. `dynamic`: a field of its own, with a type, for each key; types can conflict. `stored`: kept, not searchable.",
      ),
    maxFields: z
      .int()
      .min(100)
      .max(100_000)
      .default(1_000)
      .describe("Most fields an index may have; an event that would add more is dead-lettered."),
    shards: z.int().min(1).max(1_024).default(1).describe("Primary shards of each index."),
    replicas: z
      .int()
      .min(0)
      .max(20)
      .default(1)
      .describe("Copies of each shard. With 0 an index is lost with its node."),
    rolloverAfterDays: z
      .int()
      .min(1)
      .max(DAY_LIMIT)
      .default(1)
      .describe("A data stream begins a new index after this many days."),
    rolloverBytes: byteSize({ min: 1024 ** 2 })
      .prefault("50GiB")
      .describe("A data stream begins a new index when a primary shard has this size."),
    deleteAfterDays: z
      .int()
      .min(1)
      .max(DAY_LIMIT)
      .optional()
      .describe(
        "An index is deleted this many days after it was rolled over or, without a data stream, made. Default: never.",
      ),
  })
  .prefault({})
  .describe("What `millrace setup opensearch` installs. Nothing here changes what the sink sends.");

const fields = {
  ...sinkFields,
  urls: z
    .array(
      httpUrl.refine((url) => isPlainUrl(url), {
        error: "has neither user, password nor parameters: give `username` and `password`, so that they are not logged",
      }),
    )
    .min(1)
    .max(64)
    .describe(
      "URLs of the nodes, or of what stands before them. They take turns; one that does not answer is left out for a while.",
    ),
  index: z
    .string()
    .min(1)
    .max(200)
    .default("millrace-events")
    .describe(
      "Data stream, alias or index to write to. `{type}` stands for the event's type, if `types` lists it, and `{date}` and `{month}` for the day (2026.11.27) and month of its receipt, UTC; the last two without a data stream only.",
    ),
  types: z
    .array(z.string().min(1).max(255))
    .max(MAX_TYPES)
    .default([])
    .describe(
      "Event types that have an index of their own by `{type}`, in lower case with `-` for what an index name cannot have. All others share `other`.",
    ),
  dataStream: z
    .boolean()
    .default(true)
    .describe("Whether `index` is a data stream. It decides what is checked and installed, not what is sent."),
  documentId: z
    .enum(["id", "none"])
    .default("id")
    .describe(
      "`id`: the document's id is the event's, so that a repetition is refused and counted as a duplicate. `none`: the server makes one, and a repetition is stored again; needed by OpenSearch Serverless collections for time series.",
    ),
  compression: z.enum(["none", "gzip"]).default("gzip").describe("How requests are compressed."),
  username: z.string().min(1).optional().describe("User name for HTTP basic authentication."),
  password: z.string().min(1).optional().describe("Password that belongs to `username`."),
  tls: outboundTlsField.describe("How servers with https URLs are known, and we to them."),
  setup,
  batch: batchField({
    maxEvents: 1_000,
    maxEventsCap: 50_000,
    maxBytes: 5 * 1024 * 1024,
    maxBytesCap: MAX_BODY_BYTES,
    maxAgeMs: 1_000,
  }).describe("When a batch is closed and sent. Bytes are those of the request before compression."),
};

const aws = z
  .strictObject({
    region: regionField.describe("AWS region of the domain or collection."),
    service: z
      .enum(["es", "aoss"])
      .default("es")
      .describe("`es`: Amazon OpenSearch Service. `aoss`: Amazon OpenSearch Serverless."),
  })
  .optional()
  .describe("Sign requests with AWS credentials, which are found as the AWS SDKs find them.");

export const opensearchConfig = checked(z.strictObject({ ...fields, type: z.literal("opensearch"), aws }));

export const elasticsearchConfig = checked(
  z.strictObject({
    ...fields,
    type: z.literal("elasticsearch"),
    apiKey: z
      .string()
      .regex(/^[\x21-\x7e]+$/, "the `encoded` form of an API key")
      .optional()
      .describe("API key in its encoded form (base64 of `id:key`)."),
  }),
);

/** What the sink needs of either type. */
export type OpensearchConfig = z.infer<typeof opensearchConfig> | z.infer<typeof elasticsearchConfig>;

type Checkable = z.infer<z.ZodObject<typeof fields>> & { readonly aws?: unknown; readonly apiKey?: unknown };

function checked<Schema extends z.ZodType<Checkable>>(schema: Schema): Schema {
  return schema.superRefine((sink, context) => {
    const problem = (path: (string | number)[], message: string) => context.addIssue({ code: "custom", path, message });
    const wrongIndex = indexProblem(sink);
    if (wrongIndex !== undefined) problem([wrongIndex.field], wrongIndex.message);
    if ((sink.username === undefined) !== (sink.password === undefined))
      problem(["username"], "username and password belong together");
    if (sink.tls !== undefined && !sink.urls.some((url) => url.startsWith("https:")))
      problem(["tls"], "has no meaning without an https URL");
    const ways = [sink.username, sink.aws, sink.apiKey].filter((way) => way !== undefined);
    if (ways.length > 1) problem(["username"], "choose one way to authenticate");
    if (sink.setup.deleteAfterDays !== undefined && !sink.dataStream && !/\{(date|month)\}/.test(sink.index))
      problem(
        ["setup", "deleteAfterDays"],
        "needs a data stream, or {date} or {month} in index: a single index would be deleted whole",
      );
  });
}
