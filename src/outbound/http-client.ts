import { Pool } from "undici";
import { withoutCredentials } from "./credentials.ts";
import { errorInWords } from "./quotable.ts";
import type { TlsMaterial } from "./tls-config.ts";
import { type Reply, wholeReply } from "./whole-reply.ts";

/** Long enough for a handshake across an ocean, short enough to notice a dead address. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Idle connections are given up before a service, or a balancer between, is likely to do so. */
const KEEP_ALIVE_MS = 15_000;

/** The longest reply to read unless told otherwise. Kinesis' reply for 500 records is about 60 KB. */
const MAX_REPLY_BYTES = 2 * 1024 * 1024;

export interface HttpClientOptions {
  readonly endpoint: URL;
  /** Most connections at a time; requests beyond wait for one. */
  readonly connections: number;
  /** Longest wait for a reply to begin, and for each part of it, in milliseconds. */
  readonly timeoutMs: number;
  /** Longest reply that is read, in bytes; a longer one counts as none. */
  readonly maxReplyBytes?: number;
  readonly tls?: TlsMaterial | undefined;
}

export interface HttpRequest {
  readonly method: "GET" | "HEAD" | "POST" | "PUT" | "DELETE";
  /** Path and query as they go on the wire. */
  readonly path: string;
  readonly headers: Record<string, string>;
  readonly body?: Buffer;
}

/** What came of a request. A reply's body may be anything: the status says nothing about it. */
export type CallResult =
  | ({ readonly kind: "reply" } & Reply)
  /** Nobody knows whether the request took effect. */
  | { readonly kind: "no-reply"; readonly reason: string };

/** Requests to one origin over kept-alive HTTP/1.1 connections. It does not retry, follow redirects or read replies. */
export class HttpClient {
  readonly #endpoint: URL;
  readonly #pool: Pool;
  #closing: Promise<void> | undefined;

  constructor(options: HttpClientOptions) {
    this.#endpoint = options.endpoint;
    this.#pool = new Pool(options.endpoint.origin, {
      connections: options.connections,
      pipelining: 1,
      allowH2: false,
      connect: { ...options.tls, timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxResponseSize: options.maxReplyBytes ?? MAX_REPLY_BYTES,
    });
  }

  /** Never throws for what the network or the service does. */
  async send(request: HttpRequest, signal: AbortSignal): Promise<CallResult> {
    request.headers["user-agent"] = "millrace";
    try {
      const { status, headers, body } = await wholeReply(this.#pool, request, signal);
      // What a request that was taken is answered is read, and not quoted.
      const isQuoted = status >= 300;
      return { kind: "reply", status, headers, body: isQuoted ? withoutCredentials(body, request.headers) : body };
    } catch (error) {
      if (signal.aborted) return givenUp(this.#endpoint);
      return { kind: "no-reply", reason: `no reply from ${this.#endpoint.host}: ${errorInWords(error)}` };
    }
  }

  /** Waits for requests on the way, then closes the connections. Safe to call twice. */
  async close(): Promise<void> {
    this.#closing ??= this.#pool.close();
    await this.#closing;
  }
}

export function givenUp(endpoint: URL): CallResult {
  return { kind: "no-reply", reason: `given up before ${endpoint.host} replied` };
}
