import { type Clock, systemClock } from "../../core/clock.ts";
import type { CollectedEvent } from "../../core/event.ts";
import type { Batch, BatchLimits, Fate, Receipt, Sink } from "../../core/sink.ts";
import { compress } from "../../formats/compression.ts";
import { type Hide, hiderOf } from "../../outbound/hide-secrets.ts";
import { type CallResult, HttpClient } from "../../outbound/http-client.ts";
import { parseJsonObject } from "../../outbound/json-reply.ts";
import { whyUnreachable } from "../../outbound/reachable.ts";
import { readTlsMaterial, type TlsMaterial } from "../../outbound/tls-config.ts";
import { WebhookSigner } from "../../outbound/webhook-signer.ts";
import { AwaitedEvents } from "./awaited-events.ts";
import { batchId } from "./batch-id.ts";
import type { HttpSinkConfig } from "./config.ts";
import { BODY_OVERHEAD_BYTES, bodyBytes, CONTENT_TYPES, encodeBody } from "./encode.ts";
import { type Answer, inWords, readAnswer, type Receiver } from "./response.ts";

/** The longest answer that is read: results for 10,000 events have about 200 bytes each. */
const MAX_REPLY_BYTES = 8 * 1024 * 1024;

export interface HttpSinkContext {
  readonly clock?: Clock;
}

/** Delivers batches to an HTTP endpoint, or to another Millrace. */
export function createHttpSink(config: HttpSinkConfig, context: HttpSinkContext = {}): HttpSink {
  return new HttpSink(config, readTlsMaterial(config.tls, config.name), context.clock ?? systemClock);
}

/**
 * One batch, one request. With `millrace.ack: delivered` a batch that the receiver has accepted and not delivered
 * yet is asked about until it is, or the write is aborted.
 */
export class HttpSink implements Sink {
  readonly type = "http";
  readonly name: string;
  readonly limits: BatchLimits;
  readonly #config: HttpSinkConfig;
  readonly #tls: TlsMaterial | undefined;
  readonly #clock: Clock;
  readonly #endpoint: URL;
  readonly #client: HttpClient;
  readonly #headers: Readonly<Record<string, string>>;
  readonly #signer: WebhookSigner | undefined;
  readonly #awaited: AwaitedEvents;
  readonly #hide: Hide;
  readonly #closing = new AbortController();

  constructor(config: HttpSinkConfig, tls: TlsMaterial | undefined, clock: Clock) {
    this.name = config.name;
    this.#config = config;
    this.#tls = tls;
    this.#clock = clock;
    this.#endpoint = new URL(config.url);
    this.#client = new HttpClient({
      endpoint: this.#endpoint,
      // One more than the pipeline uses, so that a check does not wait behind the batches.
      connections: config.maxInFlight + 1,
      timeoutMs: config.timeoutMs,
      maxReplyBytes: MAX_REPLY_BYTES,
      tls,
    });
    this.#headers = headersOf(config);
    this.#signer = config.sign && new WebhookSigner(config.sign.secrets);
    this.#awaited = new AwaitedEvents({
      ask: (last, events, signal) => this.#askReceipts(last, events, signal),
      clock,
      pollMs: config.millrace?.pollMs ?? 0,
    });
    this.#hide = hiderOf(secretsOf(config, this.#endpoint));
    const maxBytes = config.batch.maxBytes - BODY_OVERHEAD_BYTES;
    this.limits = {
      maxEvents: config.batch.maxEvents,
      maxBytes,
      maxEventBytes: maxBytes,
      maxAgeMs: config.batch.maxAgeMs,
    };
  }

  eventBytes(event: CollectedEvent): number {
    return bodyBytes(event);
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    if (batch.length === 0) return { kind: "delivered" };
    // What the receiver has is not sent again.
    const fresh = batch.filter((event) => !this.#awaited.has(event));
    const answer: Answer = fresh.length === 0 ? { kind: "delivered" } : await this.#send(fresh, signal);
    const isWhole = answer.kind !== "mixed" && answer.kind !== "partial";
    // Those that are awaited share the fate of a failed write, and are asked about in the next.
    if (isWhole && (answer.kind !== "delivered" || fresh.length === batch.length)) return answer;
    const fates = new Map<CollectedEvent, Fate>();
    for (const [index, event] of fresh.entries()) {
      const fate = isWhole ? DELIVERED : answer.fates[index];
      if (fate?.kind === "awaited") this.#awaited.add(event, fate);
      else fates.set(event, fate ?? UNTOLD);
    }
    const settled = await this.#awaited.settle(batch, AbortSignal.any([signal, this.#closing.signal]));
    return {
      kind: "partial",
      fates: batch.map((event) => fates.get(event) ?? settled.get(event.position) ?? UNTOLD),
    };
  }

  /** Opens a connection. A Millrace is also asked whether it takes events with this key; it stores nothing. */
  async check(signal: AbortSignal): Promise<readonly string[]> {
    const problem = await whyUnreachable(this.#endpoint, this.#tls, signal);
    if (problem !== undefined) return [problem];
    if (this.#config.millrace === undefined) return [];
    const result = await this.#client.send(
      {
        method: "POST",
        path: pathWith(this.#endpoint, "validate=only"),
        headers: { ...this.#headers, "content-type": "application/json" },
        body: Buffer.from("[]"),
      },
      signal,
    );
    if (result.kind === "no-reply") return [result.reason];
    // It has read the key, and found no event: all is well.
    if (result.status === 400 && parseJsonObject(result.body)?.["code"] === "no_events") return [];
    const answer = readAnswer(result, 0, this.#receiver());
    const reason =
      answer.kind === "retryable" || answer.kind === "refused" ? answer.reason : inWords(result, this.#hide);
    return [`${this.#endpoint.host} does not take events as a Millrace does: ${reason}`];
  }

  close(): Promise<void> {
    this.#closing.abort();
    return this.#client.close();
  }

  async #send(batch: Batch, signal: AbortSignal): Promise<Answer> {
    const { method, format, compression, millrace } = this.#config;
    const plain = encodeBody(batch, format);
    const nowMs = this.#clock.nowMs();
    const signature = this.#signer?.headers(batchId(batch), plain, nowMs);
    const body = await compress(plain, compression);
    const headers = { ...this.#headers, ...signature };
    if (compression !== "none") headers["content-encoding"] = compression;
    // Each event's receipt is needed where there is something to wait for.
    if (millrace?.ack === "delivered") headers["prefer"] = "return=representation";
    const path = pathWith(this.#endpoint, millrace && `ack=${millrace.ack}`);
    const result = await this.#client.send({ method, path, headers, body }, signal);
    if (result.kind === "no-reply") return { kind: "retryable", reason: result.reason };
    return readAnswer(result, batch.length, this.#receiver());
  }

  #receiver(): Receiver {
    return { isMillrace: this.#config.millrace !== undefined, nowMs: this.#clock.nowMs(), hide: this.#hide };
  }

  #askReceipts(last: string, events: number, signal: AbortSignal): Promise<CallResult> {
    const { pathname } = new URL(`receipts/${encodeURIComponent(last)}`, this.#endpoint);
    return this.#client.send(
      { method: "GET", path: `${pathname}?events=${events}`, headers: { ...this.#headers } },
      signal,
    );
  }
}

const DELIVERED: Fate = { kind: "delivered" };
const UNTOLD: Fate = { kind: "retryable", reason: "nothing was told of the event" };

/** The headers that are the same for each request. */
function headersOf({ headers, auth, format, millrace }: HttpSinkConfig): Record<string, string> {
  const all: Record<string, string> = { "content-type": CONTENT_TYPES[format] };
  for (const [name, value] of Object.entries(headers)) all[name.toLowerCase()] = value;
  if (auth?.type === "bearer") all["authorization"] = `Bearer ${auth.token}`;
  if (auth?.type === "basic") all["authorization"] = `Basic ${basic(auth)}`;
  if (millrace !== undefined) all["x-write-key"] = millrace.key;
  return all;
}

function basic({ user, password }: { readonly user: string; readonly password: string }): string {
  return Buffer.from(`${user}:${password}`).toString("base64");
}

function secretsOf({ headers, auth, millrace }: HttpSinkConfig, endpoint: URL): readonly string[] {
  const secrets = [...Object.values(headers), ...endpoint.searchParams.values()];
  if (auth?.type === "bearer") secrets.push(auth.token);
  if (auth?.type === "basic") secrets.push(auth.password, basic(auth));
  if (millrace !== undefined) secrets.push(millrace.key);
  return secrets;
}

function pathWith({ pathname, search }: URL, parameter: string | undefined): string {
  if (parameter === undefined) return `${pathname}${search}`;
  return search === "" ? `${pathname}?${parameter}` : `${pathname}${search}&${parameter}`;
}
