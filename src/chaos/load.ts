import { setTimeout as delay } from "node:timers/promises";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { Pool } from "undici";
import { seededRandom } from "../core/seeded-random.ts";
import { readAnswer } from "./answer.ts";
import { makeEvent, makeInvalidEvent } from "./chaos-event.ts";
import type { AckTimes } from "./ack-times.ts";
import type { Level, Oracle } from "./oracle.ts";
import { sharedClockMs } from "./shared-clock.ts";

const gzipped = promisify(gzip);

const CLIENTS = 24;
const RESEND_MS = 50;
/** Longest that a client follows a Retry-After, so that the load comes back. */
const LONGEST_WAIT_MS = 2_000;
/** A load that could not be sent is not made up for beyond this. */
const LONGEST_LAG_MS = 500;

/** How often each level is asked for, of ten requests. */
const LEVEL_MIX: readonly Level[] = [
  "received",
  "accepted",
  "accepted",
  "accepted",
  "accepted",
  "durable",
  "durable",
  "durable",
  "delivered",
  "delivered",
];

const INVALID_SHARE = 0.02;
const GZIP_SHARE = 0.25;
const NDJSON_SHARE = 0.25;

interface Request {
  readonly seqs: readonly number[];
  /** What they hold by place: the number of a valid event, or `undefined` for an invalid one. */
  readonly places: readonly (number | undefined)[];
  readonly level: Level;
  readonly body: string | Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** An answer for good; `level` is what it promises, and absent where it promises nothing. */
interface Answered {
  readonly kind: "answered";
  readonly level?: Level;
}

/** What became of sending a request once. */
type Outcome = Answered | { readonly kind: "again"; readonly afterMs: number };

export interface LoadOptions {
  readonly port: number;
  readonly key: string;
  /** Events a second, over all clients. */
  readonly rate: number;
  readonly seed: number;
  readonly oracle: Oracle;
  readonly times: AckTimes;
  /** How long a client waits for an answer before it sends the request again, in milliseconds. */
  readonly answerMs: number;
  /** Told of each answer that acknowledges something. */
  readonly onAck: (sentMs: number, ackedMs: number) => void;
  /** Told of each answer that the journal takes nothing now. */
  readonly onNoRoom: (atMs: number) => void;
}

/**
 * Senders as they are in production: keep-alive connections, single events and batches, some of
 * them compressed, some invalid, at all levels. Each waits for its answer, and sends the same
 * request again until it has one.
 */
export class Load {
  readonly refused = new Map<number, number>();
  /** Requests that were sent again because no answer came. */
  unanswered = 0;
  invalidSent = 0;
  readonly #options: LoadOptions;
  readonly #random: () => number;
  readonly #clients: Promise<void>[] = [];
  #nextMs = 0;
  #stopping = false;
  /** Ends the wait for answers to what was sent at last. */
  readonly #late = new AbortController();
  #abandonedRequests = 0;

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#random = seededRandom(options.seed);
  }

  start(): void {
    this.#nextMs = sharedClockMs();
    for (let client = 0; client < CLIENTS; client++) this.#clients.push(this.#run());
  }

  /**
   * Sends nothing new, and resolves when what is under way has been answered, or `withinMs` have
   * passed; with how many requests were not answered by then.
   */
  async stop(withinMs: number): Promise<number> {
    this.#stopping = true;
    const late = setTimeout(() => this.#late.abort(), withinMs);
    await Promise.all(this.#clients);
    clearTimeout(late);
    return this.#abandonedRequests;
  }

  /** Sends nothing any more, answered or not. */
  abandon(): void {
    this.#stopping = true;
    this.#late.abort();
  }

  /**
   * Asks for every level of the mix by requests of their own, again and again, and resolves with
   * those that nothing was acknowledged at before the signal.
   */
  async levelsNotAcknowledged(until: AbortSignal): Promise<Level[]> {
    const levels = [...new Set(LEVEL_MIX)];
    const acknowledged = await Promise.all(levels.map((level) => this.#isAcknowledged(level, until)));
    return levels.filter((_, index) => !acknowledged[index]);
  }

  async #isAcknowledged(level: Level, until: AbortSignal): Promise<boolean> {
    const pool = this.#connect();
    try {
      while (!until.aborted) {
        const event = makeEvent(this.#options.oracle.nextSeq, this.#random);
        this.#options.oracle.made(event);
        const places = [event.seq];
        const headers = this.#headers("application/json");
        const outcome = await this.#sendUntilAnswered(
          pool,
          { seqs: places, places, level, body: event.json, headers },
          until,
        );
        if (outcome?.level === level) return true;
        await delay(RESEND_MS);
      }
      return false;
    } finally {
      await pool.destroy();
    }
  }

  async #run(): Promise<void> {
    const pool = this.#connect();
    while (!this.#stopping) {
      const request = await this.#compose();
      await this.#pace(request.places.length);
      if (this.#stopping) break;
      const answered = await this.#sendUntilAnswered(pool, request, this.#late.signal);
      if (answered === undefined) this.#abandonedRequests++;
    }
    await pool.destroy();
  }

  /** One connection, which is opened again whenever it breaks. */
  #connect(): Pool {
    const { port, answerMs } = this.#options;
    return new Pool(`http://127.0.0.1:${port}`, {
      connections: 1,
      pipelining: 1,
      headersTimeout: answerMs,
      bodyTimeout: answerMs,
      connect: { timeout: answerMs },
    });
  }

  #headers(contentType: string): Record<string, string> {
    return { authorization: `Bearer ${this.#options.key}`, "content-type": contentType };
  }

  /** Waits until the load allows so many events more. */
  async #pace(events: number): Promise<void> {
    const nowMs = sharedClockMs();
    const dueMs = Math.max(this.#nextMs, nowMs - LONGEST_LAG_MS);
    this.#nextMs = dueMs + (events / this.#options.rate) * 1_000;
    if (dueMs > nowMs) await delay(dueMs - nowMs);
  }

  async #compose(): Promise<Request> {
    const random = this.#random;
    const { oracle } = this.#options;
    const places: (number | undefined)[] = [];
    const events: string[] = [];
    for (let left = eventsInRequest(random); left > 0; left--) {
      const seq = oracle.nextSeq;
      if (random() < INVALID_SHARE) {
        oracle.madeInvalid();
        events.push(makeInvalidEvent(seq));
        places.push(undefined);
        this.invalidSent++;
        continue;
      }
      const event = makeEvent(seq, random);
      oracle.made(event);
      events.push(event.json);
      places.push(seq);
    }
    const lines = random() < NDJSON_SHARE;
    const text = lines ? `${events.join("\n")}\n` : events.length === 1 ? (events[0] ?? "") : `[${events.join(",")}]`;
    const compressed = random() < GZIP_SHARE;
    return {
      seqs: places.filter((seq) => seq !== undefined),
      places,
      level: LEVEL_MIX[Math.floor(random() * LEVEL_MIX.length)] ?? "accepted",
      body: compressed ? await gzipped(text) : text,
      headers: {
        ...this.#headers(lines ? "application/x-ndjson" : "application/json"),
        ...(compressed && { "content-encoding": "gzip" }),
      },
    };
  }

  /** Resolves with `undefined` when it was not answered before the signal. */
  async #sendUntilAnswered(pool: Pool, request: Request, until: AbortSignal): Promise<Answered | undefined> {
    while (!until.aborted) {
      const outcome = await this.#send(pool, request);
      if (outcome.kind === "answered") return outcome;
      await delay(outcome.afterMs);
    }
    return undefined;
  }

  async #send(pool: Pool, request: Request): Promise<Outcome> {
    const { oracle, times, answerMs, onAck } = this.#options;
    const sentMs = sharedClockMs();
    oracle.attempted(request.seqs);
    let status: number;
    let retryAfter: unknown;
    let text: string;
    try {
      const reply = await pool.request({
        method: "POST",
        path: `/v1/events?ack=${request.level}`,
        headers: request.headers,
        body: request.body,
        signal: AbortSignal.timeout(2 * answerMs),
      });
      ({ statusCode: status } = reply);
      retryAfter = reply.headers["retry-after"];
      // Acknowledged is only what was read to its end.
      text = await reply.body.text();
    } catch {
      this.unanswered++;
      return { kind: "again", afterMs: RESEND_MS };
    }
    const ackedMs = sharedClockMs();
    if (status >= 200 && status < 300) {
      times.add(request.level, ackedMs - sentMs);
      const level = this.#acknowledge(request, status, text, sentMs, ackedMs);
      if (level === undefined) return { kind: "answered" };
      onAck(sentMs, ackedMs);
      return { kind: "answered", level };
    }
    this.refused.set(status, (this.refused.get(status) ?? 0) + 1);
    if (status === 429 || status === 503) this.#options.onNoRoom(ackedMs);
    if (status === 400 && request.seqs.length === 0) return { kind: "answered" };
    if (status === 408 || status === 429 || status >= 500) {
      const afterMs = Math.min(LONGEST_WAIT_MS, Math.max(RESEND_MS, Number(retryAfter ?? 0) * 1_000));
      return { kind: "again", afterMs };
    }
    oracle.violation("valid_refused", `${status} ${text.slice(0, 300)}`, request.seqs.length);
    return { kind: "answered" };
  }

  /** Notes what a 2xx promises, and returns the level of it; `undefined` when it cannot be read, and so promises nothing. */
  #acknowledge(request: Request, status: number, text: string, sentMs: number, ackedMs: number): Level | undefined {
    const { oracle } = this.#options;
    const answer = readAnswer(text);
    if (answer === undefined) {
      oracle.violation("misbehaved", `an answer ${status} cannot be read: ${text.slice(0, 300)}`);
      return undefined;
    }
    const { rejected, delivery } = answer;
    const delivered = status !== 202 && (delivery === undefined || delivery === "delivered");
    const level = request.level === "delivered" && !delivered ? "accepted" : request.level;
    for (const [index, seq] of request.places.entries()) {
      const refusal = rejected.get(index);
      if (seq === undefined) {
        // At level received the answer comes before they are looked at.
        if (refusal === undefined && level !== "received")
          oracle.violation("invalid_accepted", `${status} at ${level} does not tell of place ${index}`);
      } else if (refusal === undefined) oracle.acknowledged(seq, level, sentMs, ackedMs);
      else oracle.violation("valid_refused", `${status} ${refusal.slice(0, 300)}`);
    }
    return level;
  }
}

/** Half of the requests have one event, a few have many. */
function eventsInRequest(random: () => number): number {
  const draw = random();
  if (draw < 0.5) return 1;
  if (draw < 0.9) return 2 + Math.floor(random() * 9);
  return 11 + Math.floor(random() * 90);
}
