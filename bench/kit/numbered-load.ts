import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "undici";
import { bodyOf } from "./numbered-events.ts";
import { Tally } from "./tally.ts";

export interface NumberedLoadOptions {
  readonly url: string;
  readonly key: string;
  readonly connections: number;
  readonly eventsPerRequest: number;
  /** Over all connections. Default: each connection sends as soon as it is answered. */
  readonly eventsPerSecond?: number;
}

/** Latencies of answers in a stretch of time. */
export interface Latencies {
  readonly answers: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly maxMs: number;
}

/** After a connection that was refused or broken, so that a collector that is away does not make it spin. */
const AFTER_FAILURE_MS = 5;

/** A collector that hangs is a finding, not a reason to hang. */
const ANSWER_TIMEOUT_MS = 60_000;

/** A load that gets nothing acknowledged for so long will not get there. */
const STALLED_MS = 60_000;

/** Most failed requests whose time and words are kept. */
const MAX_FAILURES = 100;

/**
 * Posts sample events of ever new numbers over keep-alive connections, never one twice, and
 * keeps its own record of what was acknowledged: an event is, once the whole answer 201 to
 * its request was read.
 *
 * Connection `i` of `n` sends the numbers `i`, `i + n`, `i + 2n`… in this order. With a rate
 * each connection keeps its own timetable. A request that is due while its connection still
 * waits for an answer is sent late, and its latency counts from when it was due.
 */
export class NumberedLoad {
  readonly acknowledged = new Tally();
  /** Requests that were answered otherwise than 201, by status. */
  readonly refused = new Map<number, number>();
  /** Requests that got no whole answer. */
  unanswered = 0;
  requests = 0;
  /** When and how requests failed; the first ones. */
  readonly failures: { readonly at: string; readonly what: string }[] = [];
  readonly #options: NumberedLoadOptions;
  readonly #lanes: Promise<void>[];
  readonly #startedMs = performance.now();
  #latencies: RecordableHistogram = createHistogram();
  #stopped = false;
  #awaited: { readonly events: number; readonly reached: PromiseWithResolvers<void> } | undefined;

  constructor(options: NumberedLoadOptions) {
    this.#options = options;
    this.#lanes = Array.from({ length: options.connections }, (_, lane) => this.#run(lane));
  }

  /** Resolves at the acknowledgement by which this many events are. Rejects when for `stalledMs` there was none. */
  async reached(events: number, stalledMs = STALLED_MS): Promise<void> {
    if (this.acknowledged.distinct >= events) return;
    const reached = Promise.withResolvers<void>();
    this.#awaited = { events, reached };
    let before = this.acknowledged.distinct;
    const timer = setInterval(() => {
      const { distinct } = this.acknowledged;
      const last = this.failures.at(-1)?.what ?? "no request failed";
      if (distinct === before)
        reached.reject(
          new Error(`nothing was acknowledged for ${stalledMs / 1_000} s, at ${distinct} of ${events} events: ${last}`),
        );
      before = distinct;
    }, stalledMs);
    await reached.promise.finally(() => clearInterval(timer));
  }

  /** Those since this was asked last. */
  takeLatencies(): Latencies {
    const taken = this.#latencies;
    this.#latencies = createHistogram();
    if (taken.count === 0) return { answers: 0, p50Ms: 0, p99Ms: 0, maxMs: 0 };
    const [p50Ms, p99Ms] = [taken.percentile(50) / 1e3, taken.percentile(99) / 1e3];
    return { answers: taken.count, p50Ms, p99Ms, maxMs: taken.max / 1e3 };
  }

  /** Sends no more, and resolves when everything on its way is answered, or has failed. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await Promise.all(this.#lanes);
  }

  async #run(lane: number): Promise<void> {
    const { url, connections, eventsPerRequest, eventsPerSecond } = this.#options;
    const client = new Client(new URL(url).origin, {
      pipelining: 1,
      headersTimeout: ANSWER_TIMEOUT_MS,
      bodyTimeout: ANSWER_TIMEOUT_MS,
    });
    const intervalMs = eventsPerSecond === undefined ? 0 : (1_000 * eventsPerRequest * connections) / eventsPerSecond;
    let dueMs = this.#startedMs + (intervalMs * lane) / connections;
    for (let sequence = 0; !this.#stopped; sequence += eventsPerRequest) {
      const waitMs = dueMs - performance.now();
      if (intervalMs > 0 && waitMs > 0) {
        // Not longer, so that a stop takes effect soon.
        await delay(waitMs);
        if (this.#stopped) break;
      }
      const numbers = Array.from({ length: eventsPerRequest }, (_, index) => (sequence + index) * connections + lane);
      await this.#send(client, numbers, intervalMs > 0 && waitMs < 0 ? dueMs : performance.now());
      dueMs += intervalMs;
    }
    await client.destroy();
  }

  async #send(client: Client, numbers: readonly number[], sinceMs: number): Promise<void> {
    this.requests++;
    try {
      const reply = await client.request({
        method: "POST",
        path: "/v1/events",
        headers: { authorization: `Bearer ${this.#options.key}`, "content-type": "application/json" },
        body: bodyOf(numbers),
      });
      const text = await reply.body.text();
      this.#latencies.record(Math.max(1, Math.round((performance.now() - sinceMs) * 1e3)));
      if (reply.statusCode === 201) return this.#acknowledge(numbers);
      this.refused.set(reply.statusCode, (this.refused.get(reply.statusCode) ?? 0) + 1);
      this.#fail(`${reply.statusCode} ${inShort(text)}`);
    } catch (error) {
      this.unanswered++;
      this.#fail(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
      await delay(AFTER_FAILURE_MS);
    }
  }

  #acknowledge(numbers: readonly number[]): void {
    for (const number of numbers) this.acknowledged.add(number);
    if (this.#awaited !== undefined && this.acknowledged.distinct >= this.#awaited.events)
      this.#awaited.reached.resolve();
  }

  #fail(what: string): void {
    if (this.failures.length < MAX_FAILURES) this.failures.push({ at: new Date().toISOString(), what });
  }
}

/** An answer's words, without the HTML that proxies put around them. */
function inShort(text: string): string {
  return text
    .replaceAll(/<[^>]*>|\s+/g, " ")
    .trim()
    .slice(0, 200);
}
