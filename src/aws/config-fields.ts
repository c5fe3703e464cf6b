import { z } from "zod";

/** Spread into the schema of a sink that calls an AWS service. */
export const regionField = z.string().regex(/^[a-z]{2}(-[a-z]+)+-\d+$/, "a region such as us-east-1");

export const endpointField = z.url({ protocol: /^https?$/, error: "an http or https URL" });

/** For services that take ten events a call: what they take a second follows from how many calls are under way. */
export const manyInFlightField = z
  .int()
  .min(1)
  .max(256)
  .default(16)
  .describe("Batches sent at the same time. More than for other sinks, since a call takes only ten entries.");

/** The public endpoint of a service in a region, such as `https://sqs.eu-west-1.amazonaws.com`. */
export function regionalEndpoint(service: string, region: string): string {
  return `https://${service}.${region}.amazonaws.com${region.startsWith("cn-") ? ".cn" : ""}`;
}
