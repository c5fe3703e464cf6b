/** As in the configuration of a source, and in the label `route` of metrics. */
export const PROTOCOL_NAMES = [
  "native",
  "cloudevents",
  "json",
  "logs",
  "otlp",
  "pixel",
  "reports",
  "segment",
  "snowplow",
] as const;

export type ProtocolName = (typeof PROTOCOL_NAMES)[number];
