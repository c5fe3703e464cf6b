import assert from "node:assert/strict";
import type { Deliveries } from "../core/deliveries.ts";
import type { Journal } from "../core/journal.ts";
import { type Admission, admit, KEY_CONFLICT, MISSING_KEY, sourceOfKey } from "./admission.ts";
import { type BrowserSdk, NO_SDK } from "./browser-sdk.ts";
import type { HttpConfig } from "./config.ts";
import { allowsOrigin, corsHeaders, preflightHeaders } from "./cors.ts";
import type { EventIntake } from "./event-intake.ts";
import { eventOptions } from "./event-options.ts";
import type { Exchange } from "./exchange.ts";
import { Origins } from "./origins.ts";
import { NODE_HEADER, nodeTag } from "./node-header.ts";
import type { Problem } from "./problems.ts";
import { parseQuery, type Query } from "./query.ts";
import { eventsParameter, findReceipts } from "./receipt-range.ts";
import { findReceipt } from "./receipts.ts";
import type { ProtocolRoute } from "./protocols/all-protocols.ts";
import { findRoute, methodsOf, nameOf, PATHS, pathOf, type Route } from "./router.ts";
import type { Source, SourcePath, SourceTable } from "./sources.ts";

/** The schemas as they are served. */
export interface SchemaTexts {
  types(): readonly string[];
  versions(type: string): readonly string[];
  /** JSON; without a version the one in force for events that name none. */
  source(type: string, version?: string): string | undefined;
}

export interface EndpointParts {
  readonly http: HttpConfig;
  readonly node: string;
  readonly journal: Journal;
  readonly deliveries: Deliveries;
  readonly sources: () => SourceTable;
  readonly schemas: () => SchemaTexts;
  readonly intake: EventIntake;
  /** The OpenAPI document, as JSON. */
  readonly openapi: string;
  /** `undefined` where it was not built. */
  readonly sdk: () => Promise<BrowserSdk | undefined>;
  readonly health: () => { readonly live: boolean; readonly ready: boolean; readonly reasons: readonly string[] };
}

const NO_STORE: readonly string[] = ["Cache-Control", "no-store"];
/** Kept by browsers, but asked for again each time, since a reload may change it. */
const NO_CACHE: readonly string[] = ["Cache-Control", "no-cache"];

/** For what is public and the same for everyone. */
const ANY_PAGE = new Origins(["*"]);

/** Leads each request to what answers it. */
export class Endpoints {
  readonly #parts: EndpointParts;

  constructor(parts: EndpointParts) {
    this.#parts = parts;
  }

  /** Answers at once, or returns what to wait for. With `refusal` it answers just that, in a way that pages can read. */
  serve(exchange: Exchange, refusal?: Problem): Promise<void> | undefined {
    const { request } = exchange;
    const target = request.url ?? "";
    const method = request.method ?? "";
    const { origin } = request.headers;
    const table = this.#parts.sources();
    // Few have paths of their own, and then nothing is looked for.
    const own = table.paths.size === 0 ? undefined : table.paths.get(pathOf(target));
    const route = findRoute(own?.path ?? target);
    const withKey = route.name === "events" || route.name === "receipt";
    exchange.route = nameOf(route);
    if (route.name === "events") exchange.problemForm = route.endpoint.problemForm;
    // Until the source is known, what any source allows counts: pages must be able to read why they were refused.
    if (origin !== undefined) exchange.cors = corsHeaders(withKey ? table.origins : ANY_PAGE, origin);

    const problem = refusal ?? notServed(route, method);
    if (problem !== undefined) exchange.problem(problem);
    else if (method === "OPTIONS") this.#options(exchange, route, target, withKey ? table : undefined, own);
    else if (route.name === "events") return this.#events(exchange, route, target, table, own);
    else if (route.name === "receipt") return this.#receipt(exchange, route.id, target, table);
    else if (route.name === "sdk" || route.name === "sdk_description") return this.#sdk(exchange, route);
    else this.#get(exchange, route);
    return undefined;
  }

  #events(
    exchange: Exchange,
    route: ProtocolRoute,
    target: string,
    table: SourceTable,
    own: SourcePath | undefined,
  ): Promise<void> | undefined {
    const { endpoint } = route;
    const { intake } = this.#parts;
    const query = parseQuery(target, endpoint.methods.includes("GET"));
    if ("code" in query) return refuse(exchange, query);
    const admission = admissionOf(exchange, route, query, admit(exchange.request.headers, query.key, table), own);
    if (admission === MISSING_KEY && endpoint.keyIn !== undefined) {
      return intake.takeByBody(exchange, endpoint, (key) =>
        admissionOf(exchange, route, query, key === undefined ? MISSING_KEY : sourceOfKey(key, table), own),
      );
    }
    if ("code" in admission) return refuse(exchange, admission);
    return intake.take(exchange, endpoint, admission);
  }

  #get(exchange: Exchange, route: Route): void {
    const { health, openapi } = this.#parts;
    switch (route.name) {
      case "schemas":
        return this.#schemaList(exchange);
      case "schema":
        return this.#schema(exchange, route.type, route.version);
      case "openapi":
        return exchange.json(200, openapi);
      case "livez": {
        const { live } = health();
        return exchange.json(live ? 200 : 503, JSON.stringify({ live }), NO_STORE);
      }
      case "readyz": {
        const { ready, reasons } = health();
        return exchange.json(ready ? 200 : 503, JSON.stringify({ ready, reasons }), NO_STORE);
      }
      case "events":
      case "receipt":
      case "sdk":
      case "sdk_description":
      case "unknown":
      case "invalid":
        assert.fail("answered before");
    }
  }

  async #receipt(exchange: Exchange, id: string, target: string, table: SourceTable): Promise<void> {
    const query = parseQuery(target);
    const source = "code" in query ? query : withOrigin(exchange, admit(exchange.request.headers, query.key, table));
    if ("code" in source) return exchange.problem(source);
    const events = eventsParameter(target);
    if (typeof events === "object") return exchange.problem(events);
    const { node, journal, deliveries } = this.#parts;
    const receipt = await (events === undefined
      ? findReceipt(id, journal.slot, deliveries)
      : findReceipts(id, events, journal.slot, deliveries));
    if ("code" in receipt) return exchange.problem(receipt);
    exchange.json(200, JSON.stringify(receipt), [...NO_STORE, NODE_HEADER, nodeTag(node)]);
  }

  async #sdk(exchange: Exchange, route: Extract<Route, { name: "sdk" | "sdk_description" }>): Promise<void> {
    const sdk = await this.#parts.sdk();
    if (sdk === undefined) exchange.problem(NO_SDK);
    else if (route.name === "sdk") sdk.serveScript(exchange, route.hash);
    else sdk.serveDescription(exchange);
  }

  #schemaList(exchange: Exchange): void {
    const texts = this.#parts.schemas();
    const schemas = texts.types().map((type) => ({
      type,
      versions: texts.versions(type),
      path: `/v1/schemas/${encodeURIComponent(type)}`,
    }));
    exchange.json(200, JSON.stringify({ schemas }), NO_CACHE);
  }

  #schema(exchange: Exchange, type: string, version: string | undefined): void {
    const text = this.#parts.schemas().source(type, version);
    if (text !== undefined) return exchange.json(200, text, NO_CACHE);
    exchange.problem({
      code: "schema_not_found",
      detail: `There is no schema for this ${version === undefined ? "event type" : "version of the event type"}. GET /v1/schemas lists what there is.`,
    });
  }

  /** Preflights carry no key in a header: without `?key=` they are allowed when any source allows the origin. */
  #options(
    exchange: Exchange,
    route: Route,
    target: string,
    table: SourceTable | undefined,
    own: SourcePath | undefined,
  ): void {
    const { origin } = exchange.request.headers;
    const allow = ["Allow", methodsOf(route).join(", "), ...greetingOf(exchange, route, target, table, own)];
    if (origin === undefined) return exchange.empty(204, allow);
    const query = parseQuery(target, route.name === "events" && route.endpoint.methods.includes("GET"));
    if ("code" in query) return exchange.problem(query);
    const source = query.key === undefined ? undefined : table?.byKey(query.key);
    const origins = source?.origins ?? table?.origins ?? ANY_PAGE;
    exchange.cors = corsHeaders(origins, origin);
    if (!allowsOrigin(origins, origin)) return exchange.problem(originNotAllowed(origin));
    const requested = exchange.request.headers["access-control-request-headers"];
    exchange.empty(204, [...allow, ...preflightHeaders(this.#parts.http.preflightMaxAgeSeconds, requested)]);
  }
}

function refuse(exchange: Exchange, problem: Problem): undefined {
  exchange.problem(problem);
}

/** What a protocol tells who asks before it sends, and may send. */
function greetingOf(
  { request }: Exchange,
  route: Route,
  target: string,
  table: SourceTable | undefined,
  own: SourcePath | undefined,
): readonly string[] {
  if (route.name !== "events" || route.endpoint.greet === undefined || table === undefined) return [];
  const query = parseQuery(target);
  if ("code" in query) return [];
  const keyed = admit(request.headers, query.key, table);
  const source = own === undefined ? keyed : onOwnPath(keyed, own.source);
  return "code" in source || !source.protocols.has(route.protocol.name) ? [] : route.endpoint.greet(request);
}

/** Whose rules hold for a request with events, or why it is refused. */
function admissionOf(
  exchange: Exchange,
  { protocol, endpoint }: ProtocolRoute,
  query: Query,
  keyed: Source | Problem,
  own: SourcePath | undefined,
): Admission | Problem {
  const source = withOrigin(exchange, own === undefined ? keyed : onOwnPath(keyed, own.source));
  if ("code" in source) return source;
  if (!source.protocols.has(protocol.name)) return protocolDisabled(protocol.name);
  const { prefer } = exchange.request.headers;
  const options = eventOptions(query, typeof prefer === "string" ? prefer : undefined, source.ack);
  if ("code" in options) return options;
  exchange.visitor = endpoint.visitorOf?.(exchange.request, source);
  return { source, options };
}

/** A path of a source's own tells whose the events are. A write key may say the same, and nothing else. */
function onOwnPath(keyed: Source | Problem, owner: Source): Source | Problem {
  if (keyed === MISSING_KEY) return owner;
  return "code" in keyed || keyed === owner ? keyed : KEY_CONFLICT;
}

function protocolDisabled(name: string): Problem {
  return {
    code: "protocol_disabled",
    detail: `The write key's source does not take the protocol ${name}. Add it to \`protocols\` of the source in the collector's configuration, or send in another one.`,
  };
}

/** The source of a request, or why it is refused. From here on the source's own origins count. */
function withOrigin(exchange: Exchange, source: Source | Problem): Source | Problem {
  const { headers } = exchange.request;
  if ("code" in source || headers.origin === undefined) return source;
  exchange.cors = corsHeaders(source.origins, headers.origin);
  return allowsOrigin(source.origins, headers.origin) ? source : originNotAllowed(headers.origin);
}

function notServed(route: Route, method: string): Problem | undefined {
  if (route.name === "unknown") return { code: "not_found", detail: `There is: ${PATHS.join(", ")}.` };
  if (route.name === "invalid") {
    return {
      code: "url_invalid",
      detail: "The path is not percent-encoded UTF-8. Encode it as encodeURIComponent does.",
    };
  }
  const methods = methodsOf(route);
  if (methods.includes(method)) return undefined;
  const allowed = methods.join(", ");
  return { code: "method_not_allowed", detail: `This path answers ${allowed}.`, headers: ["Allow", allowed] };
}

function originNotAllowed(origin: string): Problem {
  const shown = JSON.stringify(origin.slice(0, 200));
  return {
    code: "origin_not_allowed",
    detail: `Pages of the origin ${shown} may not use this write key. Add it to \`origins\` of the source in the collector's configuration.`,
  };
}
