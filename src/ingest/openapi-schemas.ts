import { MAX_NAME_BYTES } from "../core/event.ts";
import { FILTER_REASONS } from "./enrichment/sieve.ts";
import { PROBLEM_CODES } from "./problems.ts";

const SINK_STATES = ["held", "delivered", "dead-lettered", "dropped", "lost", "settled"];

/** What the event port reads and writes, as JSON Schema. */
export function openapiSchemas() {
  return {
    Event: {
      type: "object",
      description:
        "A CloudEvents 1.0 object of which only `type` is required. Other top-level members are extension attributes: lower-case letters and digits, holding a string, a boolean or an integer.",
      required: ["type"],
      properties: {
        id: {
          type: "string",
          minLength: 1,
          maxLength: MAX_NAME_BYTES,
          description:
            "Made by the sender, such as a UUID, so that a repeat can be told. One is assigned if it is left out.",
        },
        type: { type: "string", minLength: 1, maxLength: MAX_NAME_BYTES, description: "What happened: `page.viewed`." },
        time: { type: "string", format: "date-time", description: "When. Default: when it was received." },
        data: { description: "Any JSON; the schema of the type says what." },
        dataschema: { type: "string", description: "Names the version of the schema." },
        subject: { type: "string" },
      },
      examples: [{ id: "8f1c6a52-7d0b-4f0e-9d53-0d2f6a1e4b11", type: "page.viewed", data: { path: "/cart" } }],
    },
    Events: {
      anyOf: [
        { $ref: "#/components/schemas/Event" },
        { type: "array", minItems: 1, items: { $ref: "#/components/schemas/Event" } },
      ],
    },
    EventProblem: {
      type: "object",
      description: "One thing that is wrong with an event.",
      required: ["code", "pointer", "message"],
      properties: {
        code: { type: "string", description: "Stable; listed in docs/errors.md." },
        pointer: { type: "string", format: "json-pointer", description: "Into the event: `/data/total`." },
        message: { type: "string" },
        expected: { type: "string" },
        found: { type: "string" },
        schema: { type: "string", description: "Path of the schema: `/v1/schemas/checkout.paid`." },
      },
    },
    EventResult: {
      type: "object",
      required: ["index", "status"],
      properties: {
        index: { type: "integer", minimum: 0, description: "Place in the request." },
        id: { type: "string", description: "The event's id, or the one assigned to it." },
        status: { enum: ["accepted", "valid", "rejected"] },
        receipt: { type: "string", description: "Of an accepted event, for GET /v1/receipts/{id}." },
        dropped: {
          enum: [...FILTER_REASONS],
          description: "Why an accepted event is not stored, by a rule of its source. It has no receipt.",
        },
        warnings: {
          type: "array",
          items: { $ref: "#/components/schemas/EventProblem" },
          description: "What the schema has against an event that was accepted all the same.",
        },
        code: {
          type: "string",
          description:
            "Of the first problem, as are the next five. Once 1,000 problems are told in an answer, further events have the code alone.",
        },
        pointer: { type: "string" },
        message: { type: "string" },
        expected: { type: "string" },
        found: { type: "string" },
        schema: { type: "string" },
        problems: { type: "array", items: { $ref: "#/components/schemas/EventProblem" } },
      },
    },
    EventResults: {
      type: "object",
      required: ["accepted", "rejected"],
      properties: {
        receipt: { type: "string", description: "Of the last event that was stored; absent when none was." },
        accepted: { type: "integer", description: "Events that were stored." },
        filtered: {
          type: "integer",
          description: "Events that are valid and not stored, by a rule of their source; absent when there are none.",
        },
        rejected: { type: "integer" },
        delivery: { enum: ["delivered", "pending", "undelivered"], description: "With `?ack=delivered`." },
        sinks: {
          type: "array",
          description: "With `delivery`: how many of the events are in which state at each sink.",
          items: {
            type: "object",
            required: ["sink", "required", "events"],
            properties: {
              sink: { type: "string" },
              required: { type: "boolean" },
              events: {
                type: "object",
                propertyNames: { enum: SINK_STATES },
                additionalProperties: { type: "integer" },
              },
            },
          },
        },
        results: { type: "array", items: { $ref: "#/components/schemas/EventResult" } },
      },
    },
    CheckResults: {
      type: "object",
      required: ["valid", "rejected", "results"],
      properties: {
        valid: { type: "integer" },
        rejected: { type: "integer" },
        results: { type: "array", items: { $ref: "#/components/schemas/EventResult" } },
      },
    },
    Receipt: {
      type: "object",
      required: ["id", "state", "sinks"],
      properties: {
        id: { type: "string" },
        state: { enum: SINK_STATES, description: "At the required sink that is worst off." },
        sinks: {
          type: "array",
          items: {
            type: "object",
            required: ["sink", "required", "state"],
            properties: { sink: { type: "string" }, required: { type: "boolean" }, state: { enum: SINK_STATES } },
          },
        },
      },
    },
    ReceiptRange: {
      type: "object",
      required: ["id", "events", "delivery"],
      properties: {
        id: { type: "string" },
        events: { type: "integer" },
        delivery: {
          enum: ["pending", "delivered", "undelivered"],
          description: "Whether the required sinks have all of them.",
        },
        undelivered: {
          type: "array",
          description:
            "Those that a required sink refused for good, and those that the journal lost to damage: these may be sent again.",
          items: {
            type: "object",
            required: ["receipt", "sink", "state"],
            properties: {
              receipt: { type: "string" },
              sink: { type: "string" },
              state: { enum: ["dead-lettered", "lost"] },
            },
          },
        },
      },
    },
    SchemaList: {
      type: "object",
      required: ["schemas"],
      properties: {
        schemas: {
          type: "array",
          items: {
            type: "object",
            required: ["type", "versions", "path"],
            properties: {
              type: { type: "string" },
              versions: { type: "array", items: { type: "string" } },
              path: { type: "string" },
            },
          },
        },
      },
    },
    Liveness: { type: "object", required: ["live"], properties: { live: { type: "boolean" } } },
    Readiness: {
      type: "object",
      required: ["ready", "reasons"],
      properties: { ready: { type: "boolean" }, reasons: { type: "array", items: { type: "string" } } },
    },
    Problem: {
      type: "object",
      description: "RFC 9457, with a stable code.",
      required: ["type", "title", "status", "code", "detail"],
      properties: {
        type: { type: "string", format: "uri", examples: ["urn:millrace:problem:unknown_key"] },
        title: { type: "string" },
        status: { type: "integer" },
        code: { enum: PROBLEM_CODES },
        detail: { type: "string", description: "What was wrong with this request and what to do about it." },
        results: {
          type: "array",
          items: { $ref: "#/components/schemas/EventResult" },
          description: "With `events_invalid`, as are the next three.",
        },
        rejected: { type: "integer" },
        accepted: { const: 0, description: "Unless `?validate=only`." },
        valid: { const: 0, description: "With `?validate=only`." },
      },
    },
  };
}
