import { PROTOCOL_ROUTES, PROTOCOLS, type ProtocolRoute } from "./protocols/all-protocols.ts";
import type { ProtocolName } from "./protocols/protocol-names.ts";
import { decodePercent } from "./query.ts";

/** What a request's path leads to. */
export type Route =
  | ({ readonly name: "events" } & ProtocolRoute)
  | { readonly name: "receipt"; readonly id: string }
  | { readonly name: "schemas" }
  | { readonly name: "schema"; readonly type: string; readonly version: string | undefined }
  | { readonly name: "openapi" }
  /** Our SDK for browsers; with the hash of its script, that version and no other. */
  | { readonly name: "sdk"; readonly hash: string | undefined }
  | { readonly name: "sdk_description" }
  | { readonly name: "livez" }
  | { readonly name: "readyz" }
  | { readonly name: "unknown" }
  /** A path whose percent-encoding is broken. */
  | { readonly name: "invalid" };

/** For metrics and logs: the events of each protocol apart, the native ones as `events`. */
export type RouteName = Route["name"] | ProtocolName;

const UNKNOWN: Route = { name: "unknown" };
const INVALID: Route = { name: "invalid" };

const FIXED: ReadonlyMap<string, Route> = new Map<string, Route>([
  ...[...PROTOCOL_ROUTES].map(([path, route]) => [path, { name: "events", ...route }] as const),
  ["/v1/schemas", { name: "schemas" }],
  ["/openapi.json", { name: "openapi" }],
  ["/sdk.js", { name: "sdk", hash: undefined }],
  ["/sdk.json", { name: "sdk_description" }],
  ["/livez", { name: "livez" }],
  ["/readyz", { name: "readyz" }],
]);

/** For people: what there is. */
export const PATHS: readonly string[] = [
  ...PROTOCOLS.flatMap(({ endpoints }) => endpoints.map(({ path, methods }) => `${methods.join("/")} ${path}`)),
  "GET /v1/receipts/{id}",
  "GET /v1/schemas",
  "GET /v1/schemas/{type}",
  "GET /v1/schemas/{type}/{version}",
  "GET /openapi.json",
  "GET /sdk.js",
  "GET /sdk.{hash}.js",
  "GET /sdk.json",
  "GET /livez",
  "GET /readyz",
];

export function findRoute(target: string): Route {
  const path = pathOf(target);
  const fixed = FIXED.get(path);
  if (fixed !== undefined) return fixed;
  if (path.startsWith("/v1/receipts/")) {
    const id = decodePercent(path.slice("/v1/receipts/".length));
    return id === undefined ? INVALID : { name: "receipt", id };
  }
  const sdk = /^\/sdk\.([0-9a-f]{1,64})\.js$/.exec(path);
  if (sdk !== null) return { name: "sdk", hash: sdk[1] };
  if (path.startsWith("/v1/schemas/")) return schemaRoute(path.slice("/v1/schemas/".length));
  return UNKNOWN;
}

function schemaRoute(rest: string): Route {
  const parts = rest.split("/", 3);
  const type = decodePercent(parts[0] ?? "");
  const version = parts[1] === undefined ? undefined : decodePercent(parts[1]);
  if (type === undefined || (parts[1] !== undefined && version === undefined)) return INVALID;
  return type === "" || version === "" || parts.length > 2 ? UNKNOWN : { name: "schema", type, version };
}

/** The path of a request target, without its query. */
export function pathOf(target: string): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (path.startsWith("/")) return path;
  // A forward proxy sends the whole URL (RFC 9112, absolute form).
  const authority = path.indexOf("://");
  const slash = authority < 0 ? -1 : path.indexOf("/", authority + "://".length);
  return slash < 0 ? "" : path.slice(slash);
}

const READ: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** The methods that a route answers. */
export function methodsOf(route: Route): readonly string[] {
  return route.name === "events" ? [...route.endpoint.methods, "OPTIONS"] : READ;
}

export function nameOf(route: Route): RouteName {
  return route.name === "events" && route.protocol.name !== "native" ? route.protocol.name : route.name;
}
