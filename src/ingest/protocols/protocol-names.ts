/** As in the configuration of a source, and in the label `route` of metrics. */
export const PROTOCOL_NAMES = ["native", "segment"] as const;

export type ProtocolName = (typeof PROTOCOL_NAMES)[number];
