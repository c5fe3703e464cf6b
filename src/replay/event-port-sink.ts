import type { CollectedEvent } from "../core/event.ts";
import type { Batch, BatchLimits, Fate, Receipt, Sink } from "../core/sink.ts";
import { type CallResult, HttpClient } from "../outbound/http-client.ts";
import { isObject, parseJsonObject } from "../outbound/json-reply.ts";
import { quotable } from "../outbound/quotable.ts";

const LINE_END = Buffer.from("\n");

/** An event that is checked, and stored nowhere. */
const PROBE = '{"type":"millrace.replay-check"}';

/** Two requests at a time at most: those of senders come first. */
export const EVENT_PORT_REQUESTS = 2;

export interface EventPortOptions {
  readonly url: URL;
  /** A write key of each source. */
  readonly keys: ReadonlyMap<string, string>;
  readonly ack: "accepted" | "durable";
  /** Shows the collector that it is a replay; `undefined`: it will take the events for those of this machine. */
  readonly token: string | undefined;
  readonly limits: BatchLimits;
  readonly timeoutMs: number;
}

/**
 * The front door of a running collector, as a sink: what it takes is validated, counted and journaled as
 * whatever else comes in. Events are first checked (`?validate=only`), and only the valid ones are sent, since
 * the collector would quarantine the others once more.
 */
export class EventPortSink implements Sink {
  readonly name = "event-port";
  readonly type = "event-port";
  readonly limits: BatchLimits;
  /** Events that were taken and are not stored, by a rule of their source: as its answers have it. */
  readonly keptOut = new Map<string, number>();
  readonly #options: EventPortOptions;
  readonly #client: HttpClient;

  constructor(options: EventPortOptions) {
    this.#options = options;
    this.limits = options.limits;
    const { url: endpoint, timeoutMs } = options;
    this.#client = new HttpClient({
      endpoint,
      connections: EVENT_PORT_REQUESTS,
      timeoutMs,
      maxReplyBytes: 64 * 1024 ** 2,
    });
  }

  eventBytes(event: CollectedEvent): number {
    return event.bytes.length + 1;
  }

  async write(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    const fates: Fate[] = Array.from({ length: batch.length });
    for (const [source, places] of bySource(batch)) {
      const events = places.map((place) => batch[place]).filter((event) => event !== undefined);
      const results = await this.#writeOf(source, events, signal);
      // What other sources' events have come to counts all the same.
      if (!Array.isArray(results) && places.length === batch.length) return results;
      for (const [at, place] of places.entries()) {
        const result = Array.isArray(results) ? results[at] : undefined;
        fates[place] = result?.fate ?? { kind: "retryable", reason: reasonOf(results) };
        if (result?.dropped === undefined) continue;
        this.keptOut.set(result.dropped, (this.keptOut.get(result.dropped) ?? 0) + 1);
      }
    }
    return { kind: "partial", fates };
  }

  /** What became of each of one source's events, or one answer for all of them. */
  async #writeOf(source: string, events: Batch, signal: AbortSignal): Promise<EventResult[] | Receipt> {
    const key = this.#options.keys.get(source);
    if (key === undefined) return events.map(() => ({ fate: { kind: "rejected", reason: "no_source" } }));
    const checked = resultsOf(await this.#post(key, "?validate=only", events, signal), events.length);
    if (!Array.isArray(checked)) return checked;
    const valid = events.filter((_, at) => checked[at]?.fate.kind === "delivered");
    if (valid.length === 0) return checked;
    const stored = resultsOf(await this.#post(key, `?ack=${this.#options.ack}`, valid, signal), valid.length);
    let next = 0;
    return checked.map((result) => {
      if (result.fate.kind !== "delivered") return result;
      if (Array.isArray(stored)) return stored[next++] ?? result;
      return { fate: { kind: "retryable", reason: reasonOf(stored) } };
    });
  }

  #post(key: string, query: string, events: Batch, signal: AbortSignal): Promise<CallResult> {
    const { url, token } = this.#options;
    const headers: Record<string, string> = {
      authorization: `Bearer ${key}`,
      "content-type": "application/x-ndjson",
      prefer: "return=representation",
    };
    if (token !== undefined) headers["millrace-replay"] = token;
    const body = Buffer.concat(events.flatMap(({ bytes }) => [bytes, LINE_END]));
    return this.#client.send({ method: "POST", path: `${url.pathname}${query}`, headers, body }, signal);
  }

  async check(signal: AbortSignal): Promise<readonly string[]> {
    const { url, keys } = this.#options;
    const problems: string[] = [];
    const probe = { position: 0, id: "", type: "", source: "", receivedMs: 0, bytes: Buffer.from(PROBE) };
    for (const [source, key] of keys) {
      const answer = await this.#post(key, "?validate=only", [probe], signal);
      if (answer.kind === "no-reply") {
        return [`No collector answers at ${url.href} (${answer.reason}). Start it, or name it with --url.`];
      }
      if (![401, 403, 404, 405, 415].includes(answer.status)) continue;
      const { detail } = parseJsonObject(answer.body) ?? {};
      const words = typeof detail === "string" ? quotable(detail) : "no reason given";
      problems.push(
        `The collector at ${url.href} does not take events of the source ${source}: ${answer.status}, ${words}`,
      );
    }
    return problems;
  }

  close(): Promise<void> {
    return this.#client.close();
  }
}

interface EventResult {
  readonly fate: Fate;
  /** Why it is not stored, though it is taken. */
  readonly dropped?: string;
}

/** Several places of a batch for each of its sources. */
function bySource(batch: Batch): Map<string, number[]> {
  const places = new Map<string, number[]>();
  for (const [place, { source }] of batch.entries()) {
    const known = places.get(source);
    if (known === undefined) places.set(source, [place]);
    else known.push(place);
  }
  return places;
}

/** Reads an answer of the event port; one that does not tell of each event says something of all of them. */
function resultsOf(answer: CallResult, events: number): EventResult[] | Receipt {
  if (answer.kind === "no-reply") return { kind: "retryable", reason: answer.reason };
  const { status, headers } = answer;
  const { results, code } = parseJsonObject(answer.body) ?? {};
  if (Array.isArray(results) && results.length === events) return results.map(resultOf);
  const reason = typeof code === "string" ? quotable(code) : `status ${status}`;
  // Too large together; one alone is refused for good.
  if (status === 413) return { kind: "refused", reason };
  const retryAfterMs = Number(headers["retry-after"]) * 1_000;
  return { kind: "retryable", reason, ...(retryAfterMs > 0 && { retryAfterMs }) };
}

function resultOf(result: unknown): EventResult {
  if (!isObject(result)) return { fate: { kind: "retryable", reason: "answer_unreadable" } };
  const { status, code, dropped } = result;
  if (status === "rejected") return { fate: { kind: "rejected", reason: typeof code === "string" ? code : "invalid" } };
  if (status !== "accepted" && status !== "valid") return { fate: { kind: "retryable", reason: "answer_unreadable" } };
  return { fate: { kind: "delivered" }, ...(typeof dropped === "string" && { dropped }) };
}

function reasonOf(receipt: Receipt | EventResult[]): string {
  return !Array.isArray(receipt) && "reason" in receipt ? receipt.reason : "no_result";
}
