import { z } from "zod";
import { arnRegion } from "../../aws/arn.ts";
import { endpointField, manyInFlightField, regionField } from "../../aws/config-fields.ts";
import { batchField, sinkFields } from "../../core/config-fields.ts";

/**
 * What PutEvents takes (https://docs.aws.amazon.com/eventbridge/latest/APIReference/API_PutEvents.html):
 * ten entries, of 1 MB each and in all. It was 256 KB until January 2026
 * (https://aws.amazon.com/blogs/compute/more-room-to-build-serverless-services-now-support-payloads-up-to-1-mb).
 */
const MAX_ENTRIES_PER_CALL = 10;
const MAX_CALL_BYTES = 1_000_000;

const BUS = /^([/.\-_A-Za-z0-9]{1,256}|arn:aws[a-z-]*:events:[a-z0-9-]+:\d{12}:event-bus\/[/.\-_A-Za-z0-9]{1,256})$/;

export const eventbridgeConfig = z
  .strictObject({
    ...sinkFields,
    type: z.literal("eventbridge"),
    bus: z
      .string()
      .regex(BUS, "the name of an event bus, or its ARN")
      .default("default")
      .describe("Name or ARN of the event bus."),
    region: regionField.optional().describe("AWS region of the bus. Needed unless `bus` is an ARN, which tells it."),
    endpoint: endpointField
      .optional()
      .describe("URL of an emulator or a VPC endpoint. Default: the region's public endpoint."),
    source: z
      .string()
      .regex(
        /^(?!aws\.)[/.\-_A-Za-z0-9]{1,256}$/,
        "1 to 256 letters, digits, `/`, `.`, `-` and `_`, not beginning with `aws.`",
      )
      .optional()
      .describe(
        "The `source` of all events at EventBridge, by which rules match. Default: the name of the event's source.",
      ),
    maxInFlight: manyInFlightField,
    batch: batchField({
      maxEvents: MAX_ENTRIES_PER_CALL,
      maxEventsCap: MAX_ENTRIES_PER_CALL,
      maxBytes: MAX_CALL_BYTES,
      maxBytesCap: MAX_CALL_BYTES,
      maxAgeMs: 1_000,
    }).describe("When a batch is closed and sent."),
  })
  .refine((sink) => sink.region !== undefined || arnRegion(sink.bus) !== undefined, {
    path: ["region"],
    error: "needed unless `bus` is an ARN",
  });

export type EventbridgeConfig = z.infer<typeof eventbridgeConfig>;
