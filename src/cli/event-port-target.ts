import type { MillraceConfig } from "../app/config.ts";
import { MillraceError } from "../core/errors.ts";
import { Judge } from "../ingest/judge-events.ts";
import { layoutOf, parseNative } from "../ingest/protocols/native/parse-native.ts";
import { readReplayToken } from "../journal/replay-token.ts";
import { EVENT_PORT_REQUESTS, EventPortSink } from "../replay/event-port-sink.ts";
import type { StoredEvent } from "../replay/event-store.ts";
import type { SchemaRegistry } from "../schemas/registry.ts";

const MAX_EVENTS = 500;
const MAX_BYTES = 1024 * 1024;
const MAX_AGE_MS = 50;
const TIMEOUT_MS = 60_000;

/** How the pipeline that sends to the event port behaves. */
export const EVENT_PORT_SETTINGS = {
  name: "event-port",
  type: "event-port",
  required: true,
  maxInFlight: EVENT_PORT_REQUESTS,
  timeoutMs: TIMEOUT_MS,
  retry: { minDelayMs: 200, maxDelayMs: 10_000, maxAgeMs: 0 },
};

/** The sources whose events the event port takes in the form in which the quarantine keeps them. */
export function nativeSources({ sources }: MillraceConfig): ReadonlyMap<string, { key: string; requireId: boolean }> {
  const native = sources.filter(({ protocols }) => protocols.includes("native"));
  return new Map(native.map(({ name, keys: [key = ""], requireId }) => [name, { key, requireId }]));
}

export async function eventPortSink(
  config: MillraceConfig,
  { url, sources }: { readonly url: string | undefined; readonly sources: ReadonlySet<string> },
): Promise<EventPortSink> {
  const keys = new Map<string, string>();
  for (const [name, { key }] of nativeSources(config)) if (sources.has(name)) keys.set(name, key);
  const { maxEventBytes, maxRequestBytes } = config.http;
  const endpoint = eventPortUrl(config, url);
  return new EventPortSink({
    url: endpoint,
    keys,
    ack: config.journal.durability === "memory" ? "accepted" : "durable",
    token: await tokenFor(endpoint, config),
    limits: {
      maxEvents: Math.min(MAX_EVENTS, config.http.maxEventsPerRequest),
      maxBytes: Math.min(maxRequestBytes, Math.max(MAX_BYTES, maxEventBytes + 1)),
      // What is too large is for the collector to say.
      maxEventBytes: maxRequestBytes,
      maxAgeMs: MAX_AGE_MS,
    },
    timeoutMs: TIMEOUT_MS,
  });
}

/** The token is of this machine's collector, and nobody else's to see. */
export async function tokenFor(
  { hostname }: URL,
  { listen, journal }: { readonly listen: { readonly host: string }; readonly journal: { readonly dir: string } },
): Promise<string | undefined> {
  const isOwn = /^(localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(hostname) || hostname === listen.host;
  return isOwn ? readReplayToken(journal) : undefined;
}

function eventPortUrl({ listen }: MillraceConfig, given: string | undefined): URL {
  if (given !== undefined) {
    if (!URL.canParse(given))
      throw new MillraceError("usage", `--url ${given} is no URL such as http://127.0.0.1:8080`);
    const url = new URL(given);
    return url.pathname === "/" ? new URL("/v1/events", url) : url;
  }
  if (listen.port === 0)
    throw new MillraceError("usage", "listen.port is any free port: name the collector with --url");
  const host = listen.host === "0.0.0.0" || listen.host === "::" ? "127.0.0.1" : listen.host;
  const inBrackets = host.includes(":") ? `[${host}]` : host;
  return new URL(`${listen.tls === undefined ? "http" : "https"}://${inBrackets}:${listen.port}/v1/events`);
}

/** What a source would have against an event by the configuration and schemas that are at hand, and not those of the collector. */
export function localJudge(
  config: MillraceConfig,
  schemas: SchemaRegistry,
): (event: StoredEvent) => string | undefined {
  return (event) => {
    const source = config.sources.find(({ name }) => name === event.source);
    if (source === undefined) return "no_source";
    const { validation, unknownTypes, requireId } = source;
    const judge = new Judge(
      { validation, unknownTypes, requireId, redaction: undefined, attributes: undefined },
      schemas,
    );
    const items = parseNative(event.bytes, layoutOf("application/json") ?? "any", config.http);
    for (const item of items) if (item !== undefined) judge.add(item);
    if (judge.invalid.length === 0) return judge.valid.length === 1 ? undefined : "invalid";
    return judge.invalid[0]?.problems[0]?.code ?? "invalid";
  };
}
