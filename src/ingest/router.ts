import { decodePercent } from "./query.ts";

/** What a request's path leads to. */
export type Route =
  | { readonly name: "events" }
  | { readonly name: "receipt"; readonly id: string }
  | { readonly name: "schemas" }
  | { readonly name: "schema"; readonly type: string; readonly version: string | undefined }
  | { readonly name: "openapi" }
  | { readonly name: "livez" }
  | { readonly name: "readyz" }
  | { readonly name: "unknown" }
  /** A path whose percent-encoding is broken. */
  | { readonly name: "invalid" };

export type RouteName = Route["name"];

const EVENTS: Route = { name: "events" };
const UNKNOWN: Route = { name: "unknown" };
const INVALID: Route = { name: "invalid" };

const FIXED: ReadonlyMap<string, Route> = new Map<string, Route>([
  ["/v1/events", EVENTS],
  ["/v1/schemas", { name: "schemas" }],
  ["/openapi.json", { name: "openapi" }],
  ["/livez", { name: "livez" }],
  ["/readyz", { name: "readyz" }],
]);

/** For people: what there is. */
export const PATHS: readonly string[] = [
  "POST /v1/events",
  "GET /v1/receipts/{id}",
  "GET /v1/schemas",
  "GET /v1/schemas/{type}",
  "GET /v1/schemas/{type}/{version}",
  "GET /openapi.json",
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

function pathOf(target: string): string {
  const query = target.indexOf("?");
  const path = query < 0 ? target : target.slice(0, query);
  if (path.startsWith("/")) return path;
  // A forward proxy sends the whole URL (RFC 9112, absolute form).
  const authority = path.indexOf("://");
  const slash = authority < 0 ? -1 : path.indexOf("/", authority + "://".length);
  return slash < 0 ? "" : path.slice(slash);
}

const POSTED: readonly string[] = ["POST", "OPTIONS"];
const READ: readonly string[] = ["GET", "HEAD", "OPTIONS"];

/** The methods that a route answers. */
export function methodsOf(route: RouteName): readonly string[] {
  return route === "events" ? POSTED : READ;
}
