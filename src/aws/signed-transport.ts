import { Pool } from "undici";
import type { Clock } from "../core/clock.ts";
import type { AwsCredentials, AwsIdentity } from "./credentials.ts";
import { blamesIdentity, quotable, readServiceError } from "./service-error.ts";
import { Signer } from "./signature.ts";
import { type Reply, wholeReply } from "./whole-reply.ts";

/** Long enough for a handshake across an ocean, short enough to notice a dead address. */
const CONNECT_TIMEOUT_MS = 5_000;

/** Idle connections are given up before AWS, or a balancer between, is likely to do so. */
const KEEP_ALIVE_MS = 15_000;

/** The longest reply to read. One to 500 records is about 60 KB. */
const MAX_REPLY_BYTES = 2 * 1024 * 1024;

/** AWS refuses signatures more than five minutes off; a smaller difference is not worth a correction. */
const MAX_CLOCK_SKEW_MS = 4 * 60_000;

export interface TransportOptions {
  /** Name in the signature's scope, such as `kinesis`. */
  readonly service: string;
  readonly region: string;
  readonly endpoint: URL;
  readonly credentials: AwsCredentials;
  readonly clock: Clock;
  /** Most connections at a time; calls beyond wait for one. */
  readonly connections: number;
  /** Longest wait for a reply to begin, and for each part of it, in milliseconds. */
  readonly timeoutMs: number;
}

/** What came of a call. A reply's body may be anything: the status says nothing about it. */
export type CallResult =
  | { readonly kind: "reply"; readonly status: number; readonly body: Buffer }
  /** Nobody knows whether the call took effect. */
  | { readonly kind: "no-reply"; readonly reason: string };

/**
 * Signed calls to one AWS service that speaks AWS JSON 1.1, over kept-alive HTTP/1.1.
 * The SDK is not used since its HTTP/2 default opens a session for every call and
 * costs about three times the CPU.
 *
 * It does not retry, and does not read replies but to notice that its keys have
 * expired or its clock is off; the next call then uses new keys or the service's time.
 */
export class SignedTransport {
  readonly #options: TransportOptions;
  readonly #pool: Pool;
  readonly #path: string;
  readonly #signer: Signer;
  #clockOffsetMs = 0;
  #closing: Promise<void> | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#path = options.endpoint.pathname;
    this.#signer = new Signer(options.service, options.region);
    this.#pool = new Pool(options.endpoint.origin, {
      connections: options.connections,
      pipelining: 1,
      allowH2: false,
      connect: { timeout: CONNECT_TIMEOUT_MS },
      headersTimeout: options.timeoutMs,
      bodyTimeout: options.timeoutMs,
      keepAliveTimeout: KEEP_ALIVE_MS,
      maxResponseSize: MAX_REPLY_BYTES,
    });
  }

  /** Calls an operation, such as `Kinesis_20131202.PutRecords`. Never throws for what the network or the service does. */
  async post(target: string, body: Buffer, signal: AbortSignal): Promise<CallResult> {
    const { credentials, endpoint } = this.#options;
    let identity: AwsIdentity;
    try {
      identity = await orAborted(credentials.current(), signal);
    } catch (error) {
      if (signal.aborted) return aborted(endpoint);
      return { kind: "no-reply", reason: `no AWS credentials: ${wordsOf(error)}` };
    }
    const headers = this.#sign(target, body, identity);
    try {
      const request = { path: this.#path, method: "POST", headers, body } as const;
      const reply = await wholeReply(this.#pool, request, signal);
      if (reply.status === 400 || reply.status === 403) this.#learn(reply, identity);
      return { kind: "reply", status: reply.status, body: reply.body };
    } catch (error) {
      if (signal.aborted) return aborted(endpoint);
      return { kind: "no-reply", reason: `no reply from ${endpoint.host}: ${wordsOf(error)}` };
    }
  }

  /** Waits for calls on the way, then closes the connections. Safe to call twice. */
  async close(): Promise<void> {
    this.#closing ??= this.#pool.close();
    await this.#closing;
  }

  #sign(target: string, body: Buffer, identity: AwsIdentity): Record<string, string> {
    const { endpoint, clock } = this.#options;
    const request = { host: endpoint.host, path: this.#path, contentType: "application/x-amz-json-1.1", target, body };
    const headers = this.#signer.sign(request, identity, clock.nowMs() + this.#clockOffsetMs);
    headers["user-agent"] = "millrace";
    return headers;
  }

  #learn({ body, date }: Reply, identity: AwsIdentity): void {
    if (blamesIdentity(readServiceError(body))) this.#options.credentials.refuse(identity);
    const serverMs = date === undefined ? Number.NaN : Date.parse(date);
    const offsetMs = serverMs - this.#options.clock.nowMs();
    if (Math.abs(offsetMs - this.#clockOffsetMs) > MAX_CLOCK_SKEW_MS) this.#clockOffsetMs = offsetMs;
  }
}

function aborted(endpoint: URL): CallResult {
  return { kind: "no-reply", reason: `given up before ${endpoint.host} replied` };
}

/** Settles as `promise` does, or rejects when the signal aborts: looking up credentials cannot itself be aborted. */
function orAborted<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  return new Promise((resolve, reject) => {
    const abort = () => reject(new Error("aborted"));
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
}

function wordsOf(error: unknown): string {
  if (!(error instanceof Error)) return quotable(String(error));
  const code = "code" in error && typeof error.code === "string" ? error.code : error.name;
  return error.message === "" ? code : quotable(`${error.message} (${code})`);
}
