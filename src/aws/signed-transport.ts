import type { Clock } from "../core/clock.ts";
import { abortable } from "../outbound/abortable.ts";
import { type CallResult, givenUp, HttpClient, type HttpRequest } from "../outbound/http-client.ts";
import { errorInWords } from "../outbound/quotable.ts";
import type { TlsMaterial } from "../outbound/tls-config.ts";
import type { Reply } from "../outbound/whole-reply.ts";
import type { AwsCredentials, AwsIdentity } from "./credentials.ts";
import { blamesIdentity, readServiceError } from "./service-error.ts";
import { Signer } from "./signature.ts";

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
  readonly tls?: TlsMaterial | undefined;
}

/** A request whose path has no query, and all of whose headers are signed. */
export interface SignedRequest {
  readonly method?: HttpRequest["method"];
  /** Default: the endpoint's. */
  readonly path?: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}

/** A call of an operation such as `Kinesis_20131202.PutRecords`, as AWS JSON has it. */
export function awsJson(target: string, body: Buffer, version: "1.0" | "1.1" = "1.1"): SignedRequest {
  return { headers: { "content-type": `application/x-amz-json-${version}`, "x-amz-target": target }, body };
}

/**
 * Signed calls to one AWS service, over kept-alive HTTP/1.1. The SDK is not used since its
 * HTTP/2 default opens a session for every call and costs about three times the CPU.
 *
 * It does not retry, and does not read replies but to notice that its keys have
 * expired or its clock is off; the next call then uses new keys or the service's time.
 */
export class SignedTransport {
  readonly #options: TransportOptions;
  readonly #client: HttpClient;
  readonly #signer: Signer;
  #clockOffsetMs = 0;

  constructor(options: TransportOptions) {
    this.#options = options;
    this.#signer = new Signer(options.service, options.region);
    this.#client = new HttpClient(options);
  }

  /** Never throws for what the network or the service does. */
  async send(request: SignedRequest, signal: AbortSignal): Promise<CallResult> {
    const { credentials, endpoint, clock } = this.#options;
    let identity: AwsIdentity;
    try {
      // Looking them up cannot itself be aborted.
      identity = await abortable(credentials.current(), signal);
    } catch (error) {
      if (signal.aborted) return givenUp(endpoint);
      return { kind: "no-reply", reason: `no AWS credentials: ${errorInWords(error)}` };
    }
    const { method = "POST", path = endpoint.pathname, body } = request;
    const signable = { method, host: endpoint.host, path, headers: request.headers, body };
    const headers = this.#signer.sign(signable, identity, clock.nowMs() + this.#clockOffsetMs);
    const result = await this.#client.send({ method, path, headers, body }, signal);
    if (result.kind === "reply" && (result.status === 400 || result.status === 403)) this.#learn(result, identity);
    return result;
  }

  /** Waits for calls on the way, then closes the connections. Safe to call twice. */
  close(): Promise<void> {
    return this.#client.close();
  }

  #learn({ body, headers }: Reply, identity: AwsIdentity): void {
    if (blamesIdentity(readServiceError(body))) this.#options.credentials.refuse(identity);
    const { date } = headers;
    const serverMs = typeof date === "string" ? Date.parse(date) : Number.NaN;
    const offsetMs = serverMs - this.#options.clock.nowMs();
    if (Math.abs(offsetMs - this.#clockOffsetMs) > MAX_CLOCK_SKEW_MS) this.#clockOffsetMs = offsetMs;
  }
}
