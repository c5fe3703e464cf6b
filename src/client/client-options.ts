import type { DropReason } from "./loss-report.ts";

/** What the collector's yes means; see `?ack=` in `docs/http-api.md`. */
export type ClientAck = "accepted" | "durable" | "delivered";

/** How a client batches, waits, and tells of what goes wrong. Sizes are in bytes, times in milliseconds. */
export interface ClientOptions {
  /** The collector: `https://collector.example`, or with a path of its own: `https://shop.example/a`. */
  readonly url: string;
  /** The write key of the source. */
  readonly key: string;
  /** Default: that of the source. */
  readonly ack?: ClientAck;
  /** Most events in a request. Default: 500. The collector takes 10,000 unless configured otherwise. */
  readonly maxBatchEvents?: number;
  /** Largest body before compression; an event that is larger goes alone. Default: 1 MiB. */
  readonly maxBatchBytes?: number;
  /** Longest wait for more events before a request is sent. Default: 200. */
  readonly maxBatchAgeMs?: number;
  /** Requests under way at a time. Default: 2. */
  readonly concurrency?: number;
  /** Most bytes of JSON that wait or are under way. Default: 16 MiB. */
  readonly maxQueueBytes?: number;
  /**
   * What `track` does when the queue is full: `drop` the event and count it, or `reject` it by throwing a
   * `QueueFullError`, for those who can wait. Default: `drop`.
   */
  readonly onFull?: "drop" | "reject";
  /** An event that was not taken for so long is given up. Default: 10 minutes. */
  readonly maxEventAgeMs?: number;
  /** Longest wait for an answer. With `ack: "delivered"` longer than the collector's `http.ackTimeoutMs`. Default: 30 s. */
  readonly requestTimeoutMs?: number;
  /** Delays between attempts grow from this, each drawn evenly from 0 up to it. Default: 100. */
  readonly minRetryDelayMs?: number;
  /** Longest delay between attempts that the collector did not ask for. Default: 30 s. */
  readonly maxRetryDelayMs?: number;
  /** Bodies from this size on are compressed with gzip where the runtime can. `Infinity`: never. Default: 4 KiB. */
  readonly gzipFromBytes?: number;
  /**
   * Keeps one event in so many, at random: of all types, or by type. What is kept carries CloudEvents'
   * `sampledrate`, so that it can be counted for the others. Default: 1, which keeps all.
   */
  readonly keepOneIn?: number | Readonly<Record<string, number>>;
  /** The collector has these at the level that was asked for. */
  readonly onAcknowledged?: (ids: readonly string[]) => void;
  /** The collector found an event invalid. It keeps it in its quarantine; it is not sent again. */
  readonly onRejected?: (rejected: RejectedEvent) => void;
  /** A request failed, or events were given up. Called once for each attempt, not for each event. */
  readonly onError?: (problem: ClientProblem) => void;
  /** To send with, such as a binding of an edge runtime. Default: the global one. */
  readonly fetch?: typeof fetch;
}

/** What of an event is not its data. */
export interface TrackOptions {
  /** Default: a UUIDv7. Whoever tracks the same event twice gives it the same id. */
  readonly id?: string;
  /** When it happened. Default: now. */
  readonly time?: Date | string;
  /** The version of the type's schema, where it has several. Default: the newest. */
  readonly dataschema?: string;
  /** Further CloudEvents attributes, such as `subject` or `userid`: names of a-z and 0-9. */
  readonly attributes?: Readonly<Record<string, string | number | boolean>>;
}

/** What follows the type in `track`: data must be given unless the type's data may be anything. */
export type TrackArguments<Data> = undefined extends Data
  ? [data?: Data, options?: TrackOptions]
  : [data: Data, options?: TrackOptions];

/** An event as it is sent: a CloudEvents object. */
export interface ClientEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly data?: unknown;
  readonly [attribute: string]: unknown;
}

export interface RejectedEvent {
  readonly event: ClientEvent;
  /** What is wrong with it, by the collector's words. At least one, unless the answer had too many to tell. */
  readonly problems: readonly EventProblem[];
}

export interface EventProblem {
  /** Stable; `docs/errors.md` lists them. */
  readonly code: string;
  /** JSON Pointer into the event: `/data/total`. */
  readonly pointer?: string;
  readonly message?: string;
}

export interface ClientProblem {
  /** A code of the collector's answer, `http_STATUS` of another's, `no_answer`, or the reason why events were dropped. */
  readonly code: string;
  /** What was wrong, and where it is known what to do. */
  readonly message: string;
  /** Of the answer, if there was one. */
  readonly status?: number;
  /** How many events it concerns. */
  readonly events: number;
  /** Whether they will be sent again. */
  readonly willRetry: boolean;
}

/**
 * What became of the events of a client's whole life.
 *
 * Invariant: tracked = sampledOut + pending + acknowledged + rejected + all that is in `dropped`.
 */
export interface ClientCounts {
  /** Calls of `track`. */
  readonly tracked: number;
  /** Left out by `keepOneIn`. */
  readonly sampledOut: number;
  /** Waiting or under way. */
  readonly pending: number;
  readonly acknowledged: number;
  /** Of those acknowledged: with `ack: "delivered"`, stored by the collector but not yet known to be in every required sink. */
  readonly unconfirmed: number;
  /** Invalid by the collector's words. */
  readonly rejected: number;
  readonly dropped: Readonly<Record<DropReason, number>>;
}

const KIB = 1024;

/** Options with all defaults, checked. Throws `TypeError` for what makes no sense: it is a mistake in the program. */
export function clientSettings(options: ClientOptions) {
  // It goes into a header.
  if (typeof options.key !== "string" || !/^[\x21-\x7e]+$/.test(options.key)) {
    throw new TypeError("createClient: key must be the write key of a source, without spaces or line ends");
  }
  const { onFull = "drop", keepOneIn = 1 } = options;
  for (const rate of typeof keepOneIn === "number" ? [keepOneIn] : Object.values(keepOneIn)) {
    // CloudEvents' `sampledrate` is a whole number of 32 bits.
    within("keepOneIn", rate, 1, 2 ** 31 - 1);
    if (!Number.isInteger(rate)) throw new TypeError(`createClient: keepOneIn must be whole; found ${rate}`);
  }
  const size = (name: SizeOption, fallback: number, least: number) =>
    within(name, options[name] ?? fallback, least, Infinity);
  const time = (name: TimeOption, fallback: number, least: number) =>
    // The longest time that a timer can run.
    within(name, options[name] ?? fallback, least, 2 ** 31 - 1);
  return {
    ...options,
    endpoint: endpointOf(options),
    onFull,
    keepOneIn,
    maxBatchEvents: size("maxBatchEvents", 500, 1),
    maxBatchBytes: size("maxBatchBytes", KIB * KIB, 1),
    maxQueueBytes: size("maxQueueBytes", 16 * KIB * KIB, 1),
    concurrency: size("concurrency", 2, 1),
    gzipFromBytes: size("gzipFromBytes", 4 * KIB, 0),
    maxBatchAgeMs: time("maxBatchAgeMs", 200, 0),
    maxEventAgeMs: time("maxEventAgeMs", 600_000, 1),
    requestTimeoutMs: time("requestTimeoutMs", 30_000, 1),
    minRetryDelayMs: time("minRetryDelayMs", 100, 1),
    maxRetryDelayMs: time("maxRetryDelayMs", 30_000, 1),
  };
}

type SizeOption = "maxBatchEvents" | "maxBatchBytes" | "maxQueueBytes" | "concurrency" | "gzipFromBytes";
type TimeOption = "maxBatchAgeMs" | "maxEventAgeMs" | "requestTimeoutMs" | "minRetryDelayMs" | "maxRetryDelayMs";

export type ClientSettings = ReturnType<typeof clientSettings>;

function within(name: string, value: unknown, least: number, most: number): number {
  if (typeof value !== "number" || !(value >= least && value <= most)) {
    throw new TypeError(`createClient: ${name} must be a number from ${least} to ${most}; found ${String(value)}`);
  }
  return value;
}

/** Where events go: the URL itself when it has a path, else `/v1/events` of it. */
function endpointOf({ url, ack }: ClientOptions): URL {
  let endpoint: URL;
  try {
    endpoint = new URL(url);
  } catch (cause) {
    throw new TypeError(`createClient: url must be one, such as https://collector.example; found ${url}`, { cause });
  }
  if (endpoint.protocol !== "https:" && endpoint.protocol !== "http:") {
    throw new TypeError(`createClient: url must begin with https:// or http://; found ${url}`);
  }
  if (endpoint.username !== "" || endpoint.password !== "") {
    throw new TypeError("createClient: url must be without user name and password: the write key goes into key");
  }
  if (endpoint.pathname === "/") endpoint.pathname = "/v1/events";
  if (ack !== undefined) endpoint.searchParams.set("ack", ack);
  return endpoint;
}
