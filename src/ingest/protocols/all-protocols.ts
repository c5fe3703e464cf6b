import { nativeProtocol } from "./native/native-protocol.ts";
import type { Protocol, ProtocolEndpoint } from "./protocol.ts";
import { segmentProtocol } from "./segment/segment-protocol.ts";

/** The only place that knows all protocols. */
export const PROTOCOLS: readonly Protocol[] = [nativeProtocol, segmentProtocol];

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
