import assert from "node:assert/strict";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Deliveries } from "../core/deliveries.ts";
import type { EventDraft, Position } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import type { EventValidator } from "../core/validation.ts";
import type { Body } from "./body/body-result.ts";
import { decompress } from "./body/decompress.ts";
import { PendingBytes } from "./body/pending-bytes.ts";
import { refuseAnnounced } from "./body/read-body.ts";
import { ClientIpPrivacy, clientAddress, type ClientNetwork, clientNetwork } from "./client-ip.ts";
import type { HttpConfig } from "./config.ts";
import type { EventOptions } from "./event-options.ts";
import { type EventResult, eventResults } from "./event-results.ts";
import type { Exchange, RequestHead } from "./exchange.ts";
import { BodyJudge, maxEventsOf } from "./judge-body.ts";
import type { Judgement } from "./judge-events.ts";
import {
  ackUnavailable,
  allInvalid,
  appendProblem,
  noRoom,
  quotaExceeded,
  refusedBody,
  tooManyForClient,
  unreadableBody,
  unsupportedMediaType,
} from "./intake-problems.ts";
import type { IngestMetrics } from "./metrics.ts";
import { type Problem, PROBLEMS } from "./problems.ts";
import { encodeDraft, newEventId } from "./protocols/canonical.ts";
import type { Enrichment, IncomingEvent, UnreadableBody } from "./protocols/incoming-event.ts";
import { type BodyLayout, layoutOf } from "./protocols/native.ts";
import type { Quarantine } from "./quarantine.ts";
import { receiptId } from "./receipt-id.ts";
import { countStates } from "./receipts.ts";
import { spreadRetry } from "./retry-after.ts";
import type { Source } from "./sources.ts";

/** Every event of a request repeats it, so a long one in a large batch would fill the journal. */
const MAX_USER_AGENT_CHARS = 512;

/** Of one request. */
const MAX_LOGGED_EVENTS = 10;

export interface IntakeParts {
  readonly http: HttpConfig;
  /** Name of this node. */
  readonly node: string;
  readonly journal: Journal;
  readonly deliveries: Deliveries;
  readonly validator: () => EventValidator;
  readonly quarantine: Quarantine;
  readonly metrics: IngestMetrics;
  readonly clock: Clock;
  /** For what is wrong with events, at level debug only. */
  readonly log: Logger;
  /** 0 to below 1: spreads what `Retry-After` tells. Default: Math.random. */
  readonly random?: () => number;
}

/** What is known of an admitted request before its body. */
interface Admitted {
  readonly source: Source;
  readonly client: ClientNetwork;
  readonly options: EventOptions;
  readonly layout: BodyLayout;
  readonly enrichment: Enrichment;
}

/** Events of one request that are in the journal, and what there is to tell about them. */
interface Stored {
  readonly first: Position;
  readonly accepted: number;
  readonly rejected: number;
  /** Made only when they will be sent. */
  readonly results: readonly EventResult[] | undefined;
}

/**
 * Takes in the events of one admitted request: body, events, verdicts, journal, answer.
 *
 * Invariant: an event is answered for only after its acknowledgement level holds, and
 * an invalid one only after the quarantine has it or has failed.
 */
export class EventIntake {
  readonly #parts: IntakeParts;
  readonly #pending: PendingBytes;
  readonly #court: BodyJudge;
  readonly #privacy = new ClientIpPrivacy();
  readonly #collectorPrefix: string;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#pending = new PendingBytes(parts.http.maxPendingBytes);
    this.#court = new BodyJudge(parts.http, parts.validator);
    parts.metrics.showPendingBytes(() => this.#pending.held);
    this.#collectorPrefix = `${parts.node}/${parts.journal.slot}-`;
  }

  /** Waits for what is not there yet only: each wait costs a turn of the microtask queue. */
  async take(exchange: Exchange, source: Source, options: EventOptions): Promise<void> {
    const admitted = this.#admit(exchange, source, options);
    if (admitted === undefined) return undefined;
    const taking = exchange.takeBody(this.#parts.http.maxRequestBytes, this.#pending);
    const sent = taking instanceof Promise ? await taking : taking;
    const decoding = this.#decode(sent, exchange.request);
    const taken = decoding instanceof Promise ? await decoding : decoding;
    if (taken.kind !== "body") return this.#notTaken(exchange, admitted, taken);
    let stored: Stored | undefined;
    try {
      // Refused while it was on its way, such as for taking too long: nothing of it may be kept.
      stored = exchange.answered ? undefined : await this.#store(exchange, admitted, taken.body);
    } finally {
      this.#pending.release(taken.body.length);
    }
    if (stored === undefined) return undefined;
    // Returned, not waited for here: nothing must keep the body while sinks are waited for.
    if (options.ack === "delivered") return this.#answerDelivered(exchange, options, stored);
    return this.#answer(exchange, options, stored);
  }

  /** `undefined` when the request is refused before its body is read, which is answered. */
  #admit(exchange: Exchange, source: Source, options: EventOptions): Admitted | undefined {
    const { request } = exchange;
    // Before the first wait: the address is gone with the connection.
    const address = this.#addressOf(request, source);
    const client = clientNetwork(source.quota?.isPerClient === true ? address : undefined);
    const refusal = this.#refuseEarly(request, source, client, options);
    if (refusal !== undefined) return this.#refuse(exchange, refusal);
    const layout = layoutOf(request.headers["content-type"]);
    if (layout === undefined) {
      this.#refuse(exchange, unsupportedMediaType(request.headers["content-type"]));
      return undefined;
    }
    const enrichment = this.#enrichment(request, source, address, this.#parts.clock.nowMs());
    exchange.invite();
    return { source, client, options, layout, enrichment };
  }

  #notTaken(exchange: Exchange, admitted: Admitted, taken: Exclude<Body, { kind: "body" }>): void {
    if (taken.kind === "gone") {
      this.#parts.metrics.abandoned.inc();
      return;
    }
    if (taken.code !== "overloaded") this.#payForOne(admitted);
    this.#refuse(exchange, refusedBody(taken));
  }

  /** What can be refused before the body is read costs neither side its transfer. */
  #refuseEarly(
    request: RequestHead,
    source: Source,
    client: ClientNetwork,
    options: EventOptions,
  ): Problem | undefined {
    const { clock, http, journal } = this.#parts;
    const refused = refuseAnnounced(request, http.maxRequestBytes, this.#pending);
    if (refused !== undefined) return refusedBody(refused);
    const usedUp = source.quota?.usedUp(client, clock.monotonicMs());
    if (usedUp !== undefined) return quotaExceeded(usedUp);
    if (options.validateOnly) return undefined;
    if (options.ack === "durable" && journal.durability === "memory") return ackUnavailable();
    return noRoom(journal, Math.max(1, Number(request.headers["content-length"] ?? 1)));
  }

  /** The client's address, if there is a use for it. */
  #addressOf({ headers, socket }: RequestHead, source: Source): string | undefined {
    if (source.clientIp === "none" && source.quota?.isPerClient !== true) return undefined;
    const forwarded = headers["x-forwarded-for"];
    return clientAddress(
      socket.remoteAddress,
      typeof forwarded === "string" ? forwarded : undefined,
      this.#parts.http.trustedProxyHops,
    );
  }

  #enrichment(request: RequestHead, source: Source, address: string | undefined, receivedMs: number): Enrichment {
    const clientIp = address === undefined ? undefined : this.#privacy.apply(address, source.clientIp, receivedMs);
    const userAgent = request.headers["user-agent"]?.slice(0, MAX_USER_AGENT_CHARS);
    return { source: source.name, receivedMs, clientIp, userAgent, collectorPrefix: this.#collectorPrefix };
  }

  #decode(sent: Body, request: RequestHead): Body | Promise<Body> {
    if (sent.kind !== "body") return sent;
    const { metrics } = this.#parts;
    metrics.wireBytes.inc(sent.body.length);
    const encoding = request.headers["content-encoding"];
    if (encoding !== undefined) return this.#decompress(sent.body, encoding);
    metrics.bodyBytes.inc(sent.body.length);
    return sent;
  }

  async #decompress(body: Buffer, encoding: string): Promise<Body> {
    const { http, metrics } = this.#parts;
    const limits = { maxBytes: http.maxRequestBytes, maxRatio: http.maxInflateRatio };
    const taken = await decompress(body, encoding, limits, this.#pending);
    if (taken.kind === "body") metrics.bodyBytes.inc(taken.body.length);
    return taken;
  }

  /**
   * Everything between the body and the last answer. `undefined` when there is nothing
   * more to answer. At level `received` the answer comes first, and later ones fall flat:
   * before anything else, or where a quota must be paid, once it is known for how many events.
   */
  async #store(exchange: Exchange, admitted: Admitted, body: Buffer): Promise<Stored | undefined> {
    const { journal, metrics, quarantine } = this.#parts;
    const { source, client, options, layout, enrichment } = admitted;
    const answersFirst = options.ack === "received" && !options.validateOnly;
    if (answersFirst && source.quota === undefined && !this.#answerFirst(exchange, options, body)) return undefined;
    const judging = this.#court.judge(body, layout, source);
    const judgement = judging instanceof Promise ? await judging : judging;
    if ("kind" in judgement) {
      this.#payForOne(admitted);
      const problem = this.#unreadable(judgement, source);
      const keep = exchange.answered || (PROBLEMS[problem.code].status === 400 && body.length > 0);
      if (keep && !options.validateOnly) {
        await quarantine.keepBody(source.name, problem.code, problem.detail, body, enrichment.receivedMs);
      }
      exchange.problem(problem);
      return undefined;
    }
    const { valid, invalid, warned } = judgement;
    const events = valid.length + invalid.length;
    metrics.of(source.name).received.inc(events);
    const overQuota = this.#charge(source, client, events);
    if (overQuota !== undefined) {
      this.#refuse(exchange, overQuota);
      return undefined;
    }
    if (answersFirst && source.quota !== undefined && !this.#answerFirst(exchange, options, body)) return undefined;
    const failed = invalid.length + warned.length;
    if (failed > 0) {
      metrics.invalid(source.name, source.validation, failed);
      this.#logInvalid(source, judgement);
    }
    if (options.validateOnly) {
      this.#answerCheck(exchange, judgement);
      return undefined;
    }
    let stored: Stored | undefined;
    if (valid.length > 0) {
      const next = journal.nextPosition;
      const drafts = draftsOf(valid, next, enrichment);
      let first: Position | undefined;
      try {
        first = await journal.append(drafts, options.ack === "durable" ? "synced" : "written");
      } catch (error) {
        this.#refuseAppend(exchange, source, error, drafts);
      }
      assert(first === undefined || first === next, "events get the positions that are written into them");
      if (first !== undefined) stored = this.#stored(exchange, admitted, judgement, drafts, first);
    }
    // What was refused is sent again, and its invalid events with it.
    const sentAgain = valid.length > 0 && stored === undefined && !answersFirst;
    if (invalid.length > 0 && !sentAgain) {
      await quarantine.keepEvents(source.name, invalid, enrichment.receivedMs);
    }
    if (valid.length === 0 && !answersFirst) exchange.problem(allInvalid(judgement, { accepted: 0 }));
    return stored;
  }

  /** Answers at level `received`. False when there is no room, which is answered. */
  #answerFirst(exchange: Exchange, options: EventOptions, body: Buffer): boolean {
    const refusal = noRoom(this.#parts.journal, body.length);
    if (refusal !== undefined) {
      this.#refuse(exchange, refusal);
      return false;
    }
    exchange.empty(201);
    this.#acknowledged(exchange, options);
    return true;
  }

  #unreadable({ code, detail }: UnreadableBody, source: Source): Problem {
    const maxEvents = maxEventsOf(source, this.#parts.http);
    const isForClient = code === "too_many_events" && maxEvents < this.#parts.http.maxEventsPerRequest;
    return isForClient ? tooManyForClient(maxEvents) : unreadableBody(code, detail);
  }

  /** What cannot be read costs as much as an event, and must not be for free. */
  #payForOne({ source, client }: Admitted): void {
    source.quota?.chargeRefused(client, this.#parts.clock.monotonicMs());
  }

  /** A quota may have been used up while the body came in, by other requests of the same client too. */
  #charge({ quota }: Source, client: ClientNetwork, events: number): Problem | undefined {
    if (quota === undefined) return undefined;
    const nowMs = this.#parts.clock.monotonicMs();
    const usedUp = quota.usedUp(client, nowMs);
    if (usedUp !== undefined) return quotaExceeded(usedUp);
    quota.charge(client, events, nowMs);
    return undefined;
  }

  #stored(
    exchange: Exchange,
    { source, options }: Admitted,
    judgement: Judgement,
    drafts: readonly EventDraft[],
    first: Position,
  ): Stored {
    const { journal, metrics } = this.#parts;
    const rejected = judgement.invalid.length;
    metrics.of(source.name).accepted.inc(drafts.length);
    const wanted = !exchange.answered && (options.representation || rejected > 0);
    const results = wanted
      ? eventResults(judgement, {
          ids: drafts.map((draft) => draft.id),
          receiptOf: (index) => receiptId(journal.slot, first + index),
        })
      : undefined;
    return { first, accepted: drafts.length, rejected, results };
  }

  #refuseAppend(exchange: Exchange, source: Source, error: unknown, drafts: readonly EventDraft[]): void {
    const { journal, metrics } = this.#parts;
    const problem = appendProblem(error, journal, drafts);
    if (exchange.answered) metrics.lost(source.name, problem.code, drafts.length);
    this.#refuse(exchange, problem);
  }

  async #answerDelivered(exchange: Exchange, options: EventOptions, stored: Stored): Promise<void> {
    const { deliveries, http } = this.#parts;
    this.#answer(
      exchange,
      options,
      stored,
      await deliveries.whenSettled(stored.first, stored.accepted, http.ackTimeoutMs),
    );
  }

  #answer(
    exchange: Exchange,
    options: EventOptions,
    stored: Stored,
    settled?: "delivered" | "undelivered" | "timeout",
  ): void {
    if (exchange.answered) return;
    const { deliveries, journal } = this.#parts;
    const { first, accepted, rejected, results } = stored;
    this.#acknowledged(exchange, options);
    const receipt = receiptId(journal.slot, first + accepted - 1);
    const headers = ["Millrace-Receipt", receipt];
    const complete = settled === undefined || settled === "delivered";
    if (complete && results === undefined) return exchange.empty(201, headers);
    if (options.representation) headers.push("Preference-Applied", "return=representation");
    const status = rejected > 0 ? 207 : complete ? 201 : 202;
    if (status === 202) headers.push("Location", `/v1/receipts/${receipt}`);
    const delivery = settled && {
      delivery: settled === "timeout" ? "pending" : settled,
      sinks: countStates(deliveries, first, accepted),
    };
    exchange.json(status, JSON.stringify({ receipt, accepted, rejected, ...delivery, results }), headers);
  }

  /** For who works on events with `millrace dev`. Production runs above this level, and logs no line an event. */
  #logInvalid(source: Source, { invalid, warned }: Judgement): void {
    const { log } = this.#parts;
    if (!log.isLevelEnabled("debug")) return;
    for (const { index, problems } of [...invalid, ...warned].slice(0, MAX_LOGGED_EVENTS)) {
      const reasons = problems.map(({ pointer, message }) => `${pointer} ${message}`.trim());
      log.debug({ source: source.name, index, reasons }, "event is not valid");
    }
  }

  /** The answer to `?validate=only`. */
  #answerCheck(exchange: Exchange, judgement: Judgement): void {
    const counts = { valid: judgement.valid.length, rejected: judgement.invalid.length };
    if (counts.valid === 0) return exchange.problem(allInvalid(judgement, { valid: 0 }));
    const results = eventResults(judgement, undefined);
    exchange.json(counts.rejected > 0 ? 207 : 200, JSON.stringify({ ...counts, results }));
  }

  #refuse(exchange: Exchange, problem: Problem): undefined {
    exchange.problem(spreadRetry(problem, this.#parts.random ?? Math.random));
  }

  #acknowledged(exchange: Exchange, options: EventOptions): void {
    this.#parts.metrics.acknowledged(options.ack, this.#parts.clock.monotonicMs() - exchange.startedMs);
  }
}

/** Positions are good for this turn of the event loop: nothing may wait between this and the append. */
function draftsOf(events: readonly IncomingEvent[], next: Position, enrichment: Enrichment): readonly EventDraft[] {
  const drafts: EventDraft[] = [];
  for (const event of events) {
    const assignedId = event.id === undefined ? newEventId() : undefined;
    drafts.push(encodeDraft(event, next + drafts.length, enrichment, assignedId));
  }
  return drafts;
}
