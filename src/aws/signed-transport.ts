import { SignatureV4 } from "@smithy/signature-v4";
import { Pool } from "undici";
import type { Clock } from "../core/clock.ts";
import type { AwsCredentials, AwsIdentity } from "./credentials.ts";
import { NodeSha256 } from "./node-sha256.ts";
import { blamesIdentity, quotable, readServiceError } from "./service-error.ts";

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
  #signer: { readonly identity: AwsIdentity; readonly signature: SignatureV4 } | undefined;
  #clockOffsetMs = 0;
  #closing: Promise<void> | undefined;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#path = options.endpoint.pathname;
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
    const headers = await this.#sign(target, body, identity);
    try {
      const reply = await this.#pool.request({ path: this.#path, method: "POST", headers, body, signal });
      const received = Buffer.from(await reply.body.arrayBuffer());
      if (reply.statusCode === 400 || reply.statusCode === 403) this.#learn(received, reply.headers["date"], identity);
      return { kind: "reply", status: reply.statusCode, body: received };
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

  async #sign(target: string, body: Buffer, identity: AwsIdentity): Promise<Record<string, string>> {
    const { endpoint, clock } = this.#options;
    const request = {
      method: "POST",
      protocol: endpoint.protocol,
      hostname: endpoint.hostname,
      path: this.#path,
      headers: {
        host: endpoint.host,
        "content-type": "application/x-amz-json-1.1",
        "x-amz-target": target,
        "user-agent": "millrace",
      },
      body,
    };
    const signed = await this.#signatureOf(identity).sign(request, {
      signingDate: new Date(clock.nowMs() + this.#clockOffsetMs),
    });
    return signed.headers;
  }

  #signatureOf(identity: AwsIdentity): SignatureV4 {
    if (this.#signer?.identity !== identity) {
      const { service, region } = this.#options;
      const signature = new SignatureV4({
        service,
        region,
        credentials: identity,
        sha256: NodeSha256,
        applyChecksum: false,
      });
      this.#signer = { identity, signature };
    }
    return this.#signer.signature;
  }

  #learn(body: Buffer, date: string | string[] | undefined, identity: AwsIdentity): void {
    if (blamesIdentity(readServiceError(body))) this.#options.credentials.refuse(identity);
    const serverMs = typeof date === "string" ? Date.parse(date) : Number.NaN;
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
