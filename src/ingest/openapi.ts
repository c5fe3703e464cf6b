import { formatBytes } from "../core/config-fields.ts";
import { SUPPORTED_ENCODINGS } from "./body/decompress.ts";
import { ACK_LEVELS, type HttpConfig } from "./config.ts";
import { NODE_HEADER } from "./node-header.ts";
import { protocolPaths } from "./openapi-protocols.ts";
import { openapiSchemas } from "./openapi-schemas.ts";
import { PROBLEM_CODES, PROBLEM_MEDIA_TYPE, PROBLEMS, type ProblemCode } from "./problems.ts";
import { NATIVE_MEDIA_TYPES } from "./protocols/native/parse-native.ts";

/** What any request may be answered, whatever its path. */
const COMMON: readonly ProblemCode[] = [
  "request_malformed",
  "url_invalid",
  "not_found",
  "method_not_allowed",
  "request_timeout",
  "expectation_failed",
  "headers_too_large",
  "internal_error",
  "draining",
];

/** What requests that need a write key may be answered besides. */
const KEYED: readonly ProblemCode[] = [
  "query_invalid",
  "key_conflict",
  "missing_key",
  "unknown_key",
  "origin_not_allowed",
];

const RECEIPT: readonly ProblemCode[] = ["receipt_malformed", "receipt_not_found", "receipt_unavailable"];
const SCHEMA: readonly ProblemCode[] = ["schema_not_found"];
const EVENTS = PROBLEM_CODES.filter((code) => !RECEIPT.includes(code) && !SCHEMA.includes(code));

/** The OpenAPI 3.1 description of the event port, as `GET /openapi.json` serves it. */
export function openapiDocument(version: string, http: HttpConfig) {
  return {
    openapi: "3.1.0",
    info: {
      title: "Millrace",
      version,
      description:
        "Takes in events over HTTP, validates them, and delivers them to streams, archives and files without losing an acknowledged one. Pages of an allowed origin may read every answer (`Access-Control-Allow-Origin`). Every path answers OPTIONS, and HEAD where it answers GET.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    servers: [{ url: "/" }],
    security: [],
    tags: [
      { name: "events", description: "Sending events and asking what became of them." },
      { name: "schemas", description: "What events must look like." },
      { name: "operations", description: "For load balancers and tools." },
    ],
    paths: {
      "/v1/events": { post: postEvents(http), options: preflight("Events") },
      ...protocolPaths(),
      "/v1/receipts/{id}": { get: getReceipt(), options: preflight("Receipt", [RECEIPT_PARAMETER]) },
      "/v1/schemas": { get: getSchemas() },
      "/v1/schemas/{type}": { get: getSchema("getSchema", [TYPE_PARAMETER]) },
      "/v1/schemas/{type}/{version}": { get: getSchema("getSchemaVersion", [TYPE_PARAMETER, VERSION_PARAMETER]) },
      "/openapi.json": { get: getOpenapi() },
      "/sdk.js": { get: getSdk("getSdk", []) },
      "/sdk.{hash}.js": { get: getSdk("getSdkVersion", [HASH_PARAMETER]) },
      "/sdk.json": { get: getSdkDescription() },
      "/livez": { get: getHealth("getLiveness", "Whether the process works.", "live") },
      "/readyz": { get: getHealth("getReadiness", "Whether to send events here.", "ready") },
    },
    components: {
      securitySchemes: {
        bearer: { type: "http", scheme: "bearer", description: "The write key as a Bearer token." },
        basic: {
          type: "http",
          scheme: "basic",
          description: "The write key as the user name; the password is ignored.",
        },
        header: { type: "apiKey", in: "header", name: "X-Write-Key" },
        query: { type: "apiKey", in: "query", name: "key", description: "For beacons, which cannot set headers." },
      },
      headers: {
        Receipt: {
          description: "Receipt id of the request's last stored event.",
          schema: { type: "string", examples: ["0-41"] },
        },
        RetryAfter: { description: "Seconds to wait, 1 or more.", schema: { type: "integer", minimum: 1 } },
        PreferenceApplied: { schema: { const: "return=representation" } },
      },
      schemas: openapiSchemas(),
    },
  };
}

const WITH_KEY = [{ bearer: [] }, { basic: [] }, { header: [] }, { query: [] }];
const TEXT_HEADER = { schema: { type: "string" } };
const RECEIPT_HEADER = { "Millrace-Receipt": { $ref: "#/components/headers/Receipt" } };
const REPRESENTATION_HEADERS = {
  ...RECEIPT_HEADER,
  "Preference-Applied": { $ref: "#/components/headers/PreferenceApplied" },
};
const NODE_HEADERS = {
  [NODE_HEADER]: {
    description:
      "Which node has answered: receipts of several nodes can be equal, and only the one that gave it knows.",
    ...TEXT_HEADER,
  },
};

const RECEIPT_PARAMETER = pathParameter("id", "As in the header Millrace-Receipt.", "0-41");
const RECEIPT_EVENTS_PARAMETER = {
  name: "events",
  in: "query",
  description: "Ask about so many events, up to and including this one.",
  schema: { type: "integer", minimum: 1, maximum: 1000 },
};
const TYPE_PARAMETER = pathParameter("type", "An event type.", "checkout.paid");
const VERSION_PARAMETER = pathParameter("version", "A version of its schema.", "2");

const HASH_PARAMETER = pathParameter("hash", "As in the path that /sdk.json tells.", "0f3a5d7c9b1e2468");

function postEvents(http: HttpConfig) {
  const events = { $ref: "#/components/schemas/Events" };
  const text = { type: "string", description: "JSON, or one event a line." };
  const content = Object.fromEntries(
    NATIVE_MEDIA_TYPES.map((mediaType) => [
      mediaType,
      { schema: mediaType.endsWith("json") && !isLines(mediaType) ? events : text },
    ]),
  );
  return {
    operationId: "postEvents",
    tags: ["events"],
    summary: "Send events.",
    description: [
      "One event, an array of events, or one event a line (NDJSON).",
      `At most ${http.maxEventsPerRequest} events and ${formatBytes(http.maxRequestBytes)} a request, after decompression;`,
      `at most ${formatBytes(http.maxEventBytes)}, ${http.maxJsonDepth} levels and ${http.maxJsonKeys} members and elements an event.`,
    ].join(" "),
    security: WITH_KEY,
    parameters: [
      {
        name: "ack",
        in: "query",
        description:
          "What 2xx promises. received: read and admitted; validation comes after. accepted: validated and written to the journal. durable: synced to disk. delivered: every required sink has it. Default: the source's.",
        schema: { enum: ACK_LEVELS },
      },
      {
        name: "validate",
        in: "query",
        description: "`only`: check the events and store nothing.",
        schema: { const: "only" },
      },
      {
        name: "dropped",
        in: "query",
        description:
          "What the client dropped before it could send it, since its last request that was taken: up to 8 reasons with the number of events. Counted in the ledger. What has another form is ignored.",
        schema: { type: "string", examples: ["queue_full:3,expired:2"] },
      },
      {
        name: "Prefer",
        in: "header",
        description: "`return=representation` asks for a result for each event (RFC 7240).",
        schema: { type: "string", examples: ["return=representation"] },
      },
      {
        name: "Content-Encoding",
        in: "header",
        schema: { enum: SUPPORTED_ENCODINGS.split(", ") },
      },
    ],
    requestBody: { required: true, content },
    responses: {
      "200": json("`?validate=only`: every event is valid. Nothing was stored.", "CheckResults"),
      "201": {
        ...json(
          "Every event is taken, as far as the acknowledgement level promises. The body is empty unless Prefer asks for results.",
          "EventResults",
        ),
        headers: REPRESENTATION_HEADERS,
      },
      "202": {
        ...json(
          "`?ack=delivered`: stored, but not at every required sink in time (`pending`), or refused by one for good (`undelivered`).",
          "EventResults",
        ),
        headers: {
          ...REPRESENTATION_HEADERS,
          Location: { description: "The receipt of the last event.", ...TEXT_HEADER },
          ...NODE_HEADERS,
        },
      },
      "207": {
        description:
          "Some events are invalid: `results` tells which and why. The others are taken, unless `?validate=only`.",
        headers: { ...REPRESENTATION_HEADERS, ...NODE_HEADERS },
        content: {
          "application/json": {
            schema: {
              anyOf: [{ $ref: "#/components/schemas/EventResults" }, { $ref: "#/components/schemas/CheckResults" }],
            },
          },
        },
      },
      ...problems(EVENTS),
    },
  };
}

function isLines(mediaType: string): boolean {
  return mediaType.includes("ndjson");
}

function preflight(name: string, parameters: readonly unknown[] = []) {
  return {
    operationId: `preflight${name}`,
    tags: ["operations"],
    summary: "CORS preflight.",
    parameters,
    responses: {
      "204": { description: "Pages of the origin may send this request.", headers: { Allow: TEXT_HEADER } },
      ...problems([...COMMON, "query_invalid", "origin_not_allowed"]),
    },
  };
}

function getReceipt() {
  return {
    operationId: "getReceipt",
    tags: ["events"],
    summary: "What became of an event, or of several that were stored together.",
    security: WITH_KEY,
    parameters: [RECEIPT_PARAMETER, RECEIPT_EVENTS_PARAMETER],
    responses: {
      "200": {
        description: "Its state at every sink; with `events` whether all of them are delivered.",
        headers: NODE_HEADERS,
        content: {
          "application/json": {
            schema: {
              anyOf: [{ $ref: "#/components/schemas/Receipt" }, { $ref: "#/components/schemas/ReceiptRange" }],
            },
          },
        },
      },
      ...problems([...COMMON, ...KEYED, ...RECEIPT]),
    },
  };
}

function getSchemas() {
  return {
    operationId: "listSchemas",
    tags: ["schemas"],
    summary: "The event types that have a schema.",
    responses: { "200": json("The types with their versions.", "SchemaList"), ...problems(COMMON) },
  };
}

function getSchema(operationId: string, parameters: readonly unknown[]) {
  return {
    operationId,
    tags: ["schemas"],
    summary: "The JSON Schema of an event type's data.",
    parameters,
    responses: {
      "200": {
        description: "A JSON Schema.",
        content: { "application/json": { schema: { type: ["object", "boolean"] } } },
      },
      ...problems([...COMMON, ...SCHEMA]),
    },
  };
}

function getOpenapi() {
  return {
    operationId: "getOpenapi",
    tags: ["operations"],
    summary: "This document.",
    responses: {
      "200": { description: "OpenAPI 3.1.", content: { "application/json": { schema: { type: "object" } } } },
      ...problems(COMMON),
    },
  };
}

function getSdk(operationId: string, parameters: readonly unknown[]) {
  const headers = { ETag: TEXT_HEADER, "Content-Encoding": TEXT_HEADER, "Cross-Origin-Resource-Policy": TEXT_HEADER };
  return {
    operationId,
    tags: ["operations"],
    summary: "The SDK for browsers, as a script.",
    parameters,
    responses: {
      "200": {
        description: "A script whose one global is `millrace`. With a hash in the path it never changes.",
        headers,
        content: { "text/javascript; charset=utf-8": { schema: { type: "string" } } },
      },
      "304": { description: "It is still what If-None-Match names.", headers },
      ...problems(COMMON),
    },
  };
}

function getSdkDescription() {
  const member = { type: "string" };
  return {
    operationId: "getSdkDescription",
    tags: ["operations"],
    summary: "Where the SDK for browsers is, its integrity, and the element for a page.",
    responses: {
      "200": {
        description: "`COLLECTOR` in `element` stands for this collector's origin.",
        content: {
          "application/json": {
            schema: {
              type: "object",
              required: ["path", "integrity", "element"],
              properties: { path: member, integrity: member, element: member },
            },
          },
        },
      },
      ...problems(COMMON),
    },
  };
}

function getHealth(operationId: string, summary: string, word: "live" | "ready") {
  const schema = word === "live" ? "Liveness" : "Readiness";
  const answers: Record<string, ReturnType<typeof problemResponse>> = problems(COMMON);
  const no = answers["503"];
  return {
    operationId,
    tags: ["operations"],
    summary,
    responses: {
      ...answers,
      "200": json("Yes.", schema),
      "503": {
        ...no,
        description: `No. ${no?.description ?? ""}`,
        content: { ...json("", schema).content, ...no?.content },
      },
    },
  };
}

function pathParameter(name: string, description: string, example: string) {
  return { name, in: "path", required: true, description, schema: { type: "string", examples: [example] } };
}

function json(description: string, schema: string) {
  return { description, content: { "application/json": { schema: { $ref: `#/components/schemas/${schema}` } } } };
}

/** One response for each status, naming the codes it may carry. */
function problems(codes: readonly ProblemCode[]) {
  const byStatus = new Map<string, ProblemCode[]>();
  for (const code of codes) {
    const status = String(PROBLEMS[code].status);
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return Object.fromEntries([...byStatus].map(([status, group]) => [status, problemResponse(status, group)]));
}

function problemResponse(status: string, codes: readonly ProblemCode[]) {
  return {
    description: codes.map((code) => `\`${code}\`: ${PROBLEMS[code].title}.`).join(" "),
    ...(problemHeaders(status) && { headers: problemHeaders(status) }),
    content: {
      [PROBLEM_MEDIA_TYPE]: {
        schema: { allOf: [{ $ref: "#/components/schemas/Problem" }, { properties: { code: { enum: codes } } }] },
      },
    },
  };
}

function problemHeaders(status: string) {
  if (status === "429" || status === "503") return { "Retry-After": { $ref: "#/components/headers/RetryAfter" } };
  if (status === "401") return { "WWW-Authenticate": TEXT_HEADER };
  if (status === "405") return { Allow: TEXT_HEADER };
  // With another media type the first, with another content encoding the second.
  if (status === "415") return { "Accept-Post": TEXT_HEADER, "Accept-Encoding": TEXT_HEADER };
  return undefined;
}
