import { cloudeventsProtocol } from "./cloudevents/cloudevents-protocol.ts";
import { jsonProtocol } from "./json/json-protocol.ts";
import { logsProtocol } from "./logs/logs-protocol.ts";
import { nativeProtocol } from "./native/native-protocol.ts";
import { otlpProtocol } from "./otlp/otlp-protocol.ts";
import { pixelProtocol } from "./pixel/pixel-protocol.ts";
import { reportsProtocol } from "./reports/reports-protocol.ts";
import { segmentProtocol } from "./segment/segment-protocol.ts";
import { snowplowProtocol } from "./snowplow/snowplow-protocol.ts";
import type { Protocol, ProtocolEndpoint } from "./protocol.ts";

/** The only place that knows all protocols. */
export const PROTOCOLS: readonly Protocol[] = [
  nativeProtocol,
  cloudeventsProtocol,
  jsonProtocol,
  logsProtocol,
  otlpProtocol,
  pixelProtocol,
  reportsProtocol,
  segmentProtocol,
  snowplowProtocol,
];

/** An endpoint and the protocol it is of. */
export interface ProtocolRoute {
  readonly protocol: Protocol;
  readonly endpoint: ProtocolEndpoint;
}

/** By path. */
export const PROTOCOL_ROUTES: ReadonlyMap<string, ProtocolRoute> = new Map(
  PROTOCOLS.flatMap((protocol) =>
    protocol.endpoints.map((endpoint) => [endpoint.path, { protocol, endpoint }] as const),
  ),
);
