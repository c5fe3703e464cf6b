import assert from "node:assert/strict";
import { hash } from "node:crypto";
import { AwsCredentials, defaultIdentityProvider, type IdentityProvider } from "../../aws/credentials.ts";
import { SignedTransport } from "../../aws/signed-transport.ts";
import type { Clock } from "../../core/clock.ts";
import { type CallResult, HttpClient } from "../../outbound/http-client.ts";
import { readTlsMaterial } from "../../outbound/tls-config.ts";
import type { OpensearchConfig } from "./config.ts";

/** How long a node that did not answer is asked only when no other is left. */
const AVOID_MS = 10_000;

/** An error with its causes takes about 1 KB of the reply, a quoted value at most some more. */
const MAX_REPLY_BYTES_PER_EVENT = 16 * 1024;
const MAX_REPLY_BYTES = 256 * 1024 * 1024;

export interface NodeRequest {
  readonly method: "GET" | "POST" | "PUT";
  /** From the root of the server, percent-encoded; without a query when requests are signed. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Buffer;
}

interface Node {
  send(request: NodeRequest, signal: AbortSignal): Promise<CallResult>;
  close(): Promise<void>;
  /** By the monotonic clock. */
  avoidedUntilMs: number;
}

export interface NodesContext {
  readonly clock: Clock;
  /** Where AWS credentials come from. Default: the AWS default chain. */
  readonly identityProvider?: IdentityProvider | undefined;
}

/** The nodes of a cluster, which take turns. One that does not answer is left out for a while, unless all are such. */
export class Nodes {
  readonly #nodes: readonly Node[];
  readonly #clock: Clock;
  #next = 0;

  constructor(config: OpensearchConfig, context: NodesContext) {
    this.#clock = context.clock;
    const connect = "aws" in config && config.aws !== undefined ? signedNode : plainNode;
    this.#nodes = config.urls.map((url) => connect(new URL(url), config, context));
  }

  /** Never throws for what the network or the server does, and asks one node only. */
  async send(request: NodeRequest, signal: AbortSignal): Promise<CallResult> {
    const node = this.#pick();
    const result = await node.send(request, signal);
    // Also when the signal ended it: who waits for a node that hangs gives up before the connection does.
    if (result.kind === "reply") node.avoidedUntilMs = 0;
    else node.avoidedUntilMs = this.#clock.monotonicMs() + AVOID_MS;
    return result;
  }

  async close(): Promise<void> {
    await Promise.all(this.#nodes.map((node) => node.close()));
  }

  #pick(): Node {
    const nowMs = this.#clock.monotonicMs();
    const inTurn = [...this.#nodes.slice(this.#next), ...this.#nodes.slice(0, this.#next)];
    this.#next = (this.#next + 1) % this.#nodes.length;
    const node =
      inTurn.find(({ avoidedUntilMs }) => avoidedUntilMs <= nowMs) ??
      inTurn.toSorted((a, b) => a.avoidedUntilMs - b.avoidedUntilMs)[0];
    assert(node, "a sink has at least one URL");
    return node;
  }
}

function clientOptions(endpoint: URL, config: OpensearchConfig) {
  return {
    endpoint,
    // One more than the pipeline uses, so that a check does not wait behind the batches.
    connections: config.maxInFlight + 1,
    timeoutMs: config.timeoutMs,
    maxReplyBytes: Math.min(1024 * 1024 + config.batch.maxEvents * MAX_REPLY_BYTES_PER_EVENT, MAX_REPLY_BYTES),
    tls: readTlsMaterial(config.tls, config.name),
  };
}

function plainNode(endpoint: URL, config: OpensearchConfig): Node {
  const client = new HttpClient(clientOptions(endpoint, config));
  const authorization = authorizationOf(config);
  return {
    avoidedUntilMs: 0,
    send: ({ method, path, headers, body }, signal) =>
      client.send(
        {
          method,
          path: below(endpoint, path),
          headers: { ...headers, ...(authorization !== undefined && { authorization }) },
          ...(body !== undefined && { body }),
        },
        signal,
      ),
    close: () => client.close(),
  };
}

function signedNode(endpoint: URL, config: OpensearchConfig, { clock, identityProvider }: NodesContext): Node {
  if (!("aws" in config) || config.aws === undefined) throw new Error("only requests to AWS are signed");
  const { region, service } = config.aws;
  const transport = new SignedTransport({
    ...clientOptions(endpoint, config),
    service,
    region,
    credentials: new AwsCredentials(identityProvider ?? defaultIdentityProvider(region)),
    clock,
  });
  return {
    avoidedUntilMs: 0,
    send({ method, path, headers, body = Buffer.alloc(0) }, signal) {
      // Serverless wants the hash of the body among the signed headers; domains do not mind it.
      const signed = { ...headers, "x-amz-content-sha256": hash("sha256", body) };
      return transport.send({ method, path: below(endpoint, path), headers: signed, body }, signal);
    },
    close: () => transport.close(),
  };
}

function authorizationOf(config: OpensearchConfig): string | undefined {
  if ("apiKey" in config && config.apiKey !== undefined) return `ApiKey ${config.apiKey}`;
  if (config.username === undefined) return undefined;
  return `Basic ${Buffer.from(`${config.username}:${config.password ?? ""}`).toString("base64")}`;
}

/** Behind a proxy the server can be at a path of its own. */
function below(endpoint: URL, path: string): string {
  return endpoint.pathname.replace(/\/$/, "") + path;
}
