import type { Body, RefusedBody } from "./body/body-result.ts";
import { decompress } from "./body/decompress.ts";
import { HeldBody } from "./body/held-body.ts";
import { PendingBytes } from "./body/pending-bytes.ts";
import { refuseAnnounced } from "./body/read-body.ts";
import type { HttpConfig } from "./config.ts";
import type { Exchange, RequestHead } from "./exchange.ts";
import type { IngestMetrics } from "./metrics.ts";

const NO_BODY: Body = { kind: "body", body: Buffer.alloc(0) };

/** Takes the bodies of requests, decompressed, within the limits on one and on all of them. */
export class RequestBodies {
  readonly #http: HttpConfig;
  readonly #metrics: IngestMetrics;
  readonly #pending: PendingBytes;

  constructor(http: HttpConfig, metrics: IngestMetrics) {
    this.#http = http;
    this.#metrics = metrics;
    this.#pending = new PendingBytes(http.maxPendingBytes);
    metrics.showPendingBytes(() => this.#pending.held);
  }

  /** Why a body of the announced length would not be taken. */
  refuseAnnounced(head: RequestHead): RefusedBody | undefined {
    return refuseAnnounced(head, this.#http.maxRequestBytes, this.#pending);
  }

  /** At once when it is there already and not compressed. What is taken is to be released. */
  take(exchange: Exchange): Body | Promise<Body> {
    // All of it is in the URL.
    if (exchange.request.method === "GET") return NO_BODY;
    const taking = exchange.takeBody(this.#http.maxRequestBytes, this.#pending);
    if (taking instanceof Promise) return taking.then((sent) => this.#decode(sent, exchange.request));
    return this.#decode(taking, exchange.request);
  }

  /** A body that was taken, to be released. */
  hold(body: Buffer): HeldBody {
    return new HeldBody(body, this.#pending);
  }

  #decode(sent: Body, request: RequestHead): Body | Promise<Body> {
    if (sent.kind !== "body") return sent;
    this.#metrics.wireBytes.inc(sent.body.length);
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined) return this.#decompress(sent.body, encoding);
    this.#metrics.bodyBytes.inc(sent.body.length);
    return sent;
  }

  async #decompress(body: Buffer, encoding: string): Promise<Body> {
    const limits = { maxBytes: this.#http.maxRequestBytes, maxRatio: this.#http.maxInflateRatio };
    const taken = await decompress(body, encoding, limits, this.#pending);
    if (taken.kind === "body") this.#metrics.bodyBytes.inc(taken.body.length);
    return taken;
  }
}
