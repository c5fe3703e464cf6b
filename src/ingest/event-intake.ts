import assert from "node:assert/strict";
import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import type { Deliveries } from "../core/deliveries.ts";
import type { EventDraft, Position } from "../core/event.ts";
import type { Journal } from "../core/journal.ts";
import type { EventValidator } from "../core/validation.ts";
import type { Admission } from "./admission.ts";
import type { Body } from "./body/body-result.ts";
import type { HeldBody } from "./body/held-body.ts";
import { type ClientNetwork, clientNetwork } from "./client-ip.ts";
import { readClientLosses } from "./client-losses.ts";
import type { HttpConfig } from "./config.ts";
import { Enricher } from "./enrichment/enricher.ts";
import type { Sifted } from "./enrichment/sieve.ts";
import { answerCheck, answerStored, answerUncounted, type Settled, type Stored } from "./event-answers.ts";
import type { EventOptions } from "./event-options.ts";
import { eventResults, summary } from "./event-results.ts";
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
  unjudgedBody,
  unsupportedMediaType,
} from "./intake-problems.ts";
import { logInvalid } from "./log-invalid.ts";
import { keyInBody } from "./key-in-body.ts";
import type { IngestMetrics } from "./metrics.ts";
import { type Problem, PROBLEMS } from "./problems.ts";
import { encodeDrafts } from "./protocols/canonical.ts";
import type { Enrichment } from "./protocols/incoming-event.ts";
import type { BodyReader, ProtocolEndpoint } from "./protocols/protocol.ts";
import type { Quarantine } from "./quarantine.ts";
import { receiptId } from "./receipt-id.ts";
import { RequestBodies } from "./request-bodies.ts";
import { countStates } from "./receipts.ts";
import { spreadRetry } from "./retry-after.ts";
import type { Source } from "./sources.ts";

export interface IntakeParts {
  readonly http: HttpConfig;
  /** Name of this node. */
  readonly node: string;
  readonly journal: Journal;
  readonly deliveries: Deliveries;
  readonly validator: () => EventValidator;
  readonly quarantine: Quarantine;
  readonly metrics: IngestMetrics;
  /** Tells the ledger how many events of a source were answered as accepted and not stored, and why. */
  readonly onFiltered: (source: string, reason: string, events: number) => void;
  /** Tells the ledger how many events the clients of a source report to have dropped, and why. */
  readonly onClientDropped: (source: string, reason: string, events: number) => void;
  readonly clock: Clock;
  /** For what is wrong with events, at level debug only. */
  readonly log: Logger;
  /** 0 to below 1: spreads what `Retry-After` tells. Default: Math.random. */
  readonly random?: () => number;
  /** What requests show that bring events of the quarantine back. */
  readonly replayToken?: string | undefined;
}

/** What is known of an admitted request before its events. */
interface Admitted extends Admission {
  readonly endpoint: ProtocolEndpoint;
  readonly client: ClientNetwork;
  readonly reader: BodyReader;
  readonly enrichment: Enrichment;
}

/**
 * Takes in the events of one admitted request: body, events, verdicts, journal, answer.
 *
 * Invariant: an event is answered for only after its acknowledgement level holds, and
 * an invalid one only after the quarantine has it or has failed.
 */
export class EventIntake {
  readonly #parts: IntakeParts;
  readonly #bodies: RequestBodies;
  readonly #court: BodyJudge;
  readonly #enricher: Enricher;

  constructor(parts: IntakeParts) {
    this.#parts = parts;
    this.#bodies = new RequestBodies(parts.http, parts.metrics);
    this.#court = new BodyJudge(parts.http, parts.validator);
    this.#enricher = new Enricher(parts);
  }

  /**
   * Takes in a request of whom it is known who sends it. Waits for what is not there yet only: each
   * wait costs a turn of the microtask queue.
   */
  async take(exchange: Exchange, endpoint: ProtocolEndpoint, admission: Admission): Promise<void> {
    const admitted = this.#admit(exchange, endpoint, admission);
    if (admitted === undefined) return undefined;
    exchange.invite();
    const taking = this.#bodies.take(exchange);
    const taken = taking instanceof Promise ? await taking : taking;
    if (taken.kind !== "body") return this.#notTaken(exchange, taken, admitted);
    const held = this.#bodies.hold(taken.body);
    let stored: Stored | undefined;
    try {
      // Refused while it was on its way, such as for taking too long: nothing of it may be kept.
      stored = exchange.answered ? undefined : await this.#store(exchange, admitted, held);
    } finally {
      held.release();
    }
    // Returned, not waited for here: nothing must keep the body while sinks are waited for.
    return stored && this.#answerStored(exchange, admitted, stored);
  }

  /** Takes in a request that has its write key within its body, of whom it is known only then who sends it. */
  async takeByBody(
    exchange: Exchange,
    endpoint: ProtocolEndpoint,
    admit: (key: string | undefined) => Admission | Problem,
  ): Promise<void> {
    const announced = this.#bodies.refuseAnnounced(exchange.request);
    if (announced !== undefined) return this.#refuse(exchange, refusedBody(announced));
    exchange.invite();
    // The address is gone with the connection.
    const peer = exchange.request.socket.remoteAddress;
    const taken = await this.#bodies.take(exchange);
    if (taken.kind !== "body") return this.#notTaken(exchange, taken);
    const held = this.#bodies.hold(taken.body);
    let stored: { readonly admitted: Admitted; readonly stored: Stored } | undefined;
    try {
      stored = exchange.answered ? undefined : await this.#storeByBody(exchange, endpoint, held, admit, peer);
    } finally {
      held.release();
    }
    return stored && this.#answerStored(exchange, stored.admitted, stored.stored);
  }

  async #storeByBody(
    exchange: Exchange,
    endpoint: ProtocolEndpoint,
    held: HeldBody,
    admit: (key: string | undefined) => Admission | Problem,
    peer: string | undefined,
  ): Promise<{ readonly admitted: Admitted; readonly stored: Stored } | undefined> {
    const admission = admit(keyInBody(endpoint, held.body, exchange.request));
    if ("code" in admission) return this.#refuse(exchange, admission);
    const admitted = this.#admit(exchange, endpoint, admission, peer);
    const stored = admitted && (await this.#store(exchange, admitted, held));
    return stored && { admitted, stored };
  }

  /** `undefined` when the request is refused before its body is read, which is answered. */
  #admit(
    exchange: Exchange,
    endpoint: ProtocolEndpoint,
    { source, options }: Admission,
    peer = exchange.request.socket.remoteAddress,
  ): Admitted | undefined {
    const { request } = exchange;
    const address = this.#enricher.addressOf(request, source, peer);
    const client = clientNetwork(source.quota?.isPerClient === true ? address : undefined);
    const refusal = this.#refuseEarly(request, source, client, options);
    if (refusal !== undefined) return this.#refuse(exchange, refusal);
    const reader = endpoint.readerOf(request, source, exchange.visitor?.id);
    if (reader === undefined) {
      return this.#refuse(exchange, unsupportedMediaType(request.headers["content-type"], endpoint.mediaTypes));
    }
    const recorded = endpoint.isAnonymous?.(request) === true ? undefined : address;
    const enrichment = this.#enricher.enrich(request, source, recorded, this.#parts.clock.nowMs());
    return { source, options, endpoint, client, reader, enrichment };
  }

  #notTaken(exchange: Exchange, taken: Exclude<Body, { kind: "body" }>, admitted?: Admitted): void {
    if (taken.kind === "gone") {
      this.#parts.metrics.abandoned.inc();
      return;
    }
    if (admitted !== undefined && taken.code !== "overloaded") this.#payForOne(admitted);
    this.#refuse(exchange, refusedBody(taken));
  }

  /** What can be refused before the body is read costs neither side its transfer. */
  #refuseEarly(
    request: RequestHead,
    source: Source,
    client: ClientNetwork,
    options: EventOptions,
  ): Problem | undefined {
    const { clock, journal } = this.#parts;
    const refused = this.#bodies.refuseAnnounced(request);
    if (refused !== undefined) return refusedBody(refused);
    const usedUp = source.quota?.usedUp(client, clock.monotonicMs());
    if (usedUp !== undefined) return quotaExceeded(usedUp);
    if (options.validateOnly) return undefined;
    if (options.ack === "durable" && journal.durability === "memory") return ackUnavailable();
    return noRoom(journal, Math.max(1, Number(request.headers["content-length"] ?? 1)));
  }

  /**
   * Everything between the body and the last answer. `undefined` when there is nothing
   * more to answer. At level `received` the answer comes first, and later ones fall flat:
   * before anything else, or where a quota must be paid, once it is known for how many events.
   */
  async #store(exchange: Exchange, admitted: Admitted, held: HeldBody): Promise<Stored | undefined> {
    const { body } = held;
    const { http, journal, log, metrics, quarantine } = this.#parts;
    const { source, client, options, reader, enrichment } = admitted;
    const answersFirst = options.ack === "received" && !options.validateOnly;
    if (answersFirst && source.quota === undefined && !this.#answerFirst(exchange, admitted, body)) return undefined;
    const judging = this.#court.judge(held, reader, source, enrichment.receivedMs);
    const judgement = judging instanceof Promise ? await judging : judging;
    if ("kind" in judgement) {
      if (judgement.code !== "overloaded") this.#payForOne(admitted);
      const problem = unjudgedBody(judgement, maxEventsOf(source, http), http);
      const keep = exchange.answered || (PROBLEMS[problem.code].status === 400 && body.length > 0);
      if (keep && !options.validateOnly) {
        const { code, detail } = problem;
        const kept = source.redaction?.body() ?? { detail, body };
        await quarantine.keepBody(source.name, code, kept.detail, kept.body, enrichment.receivedMs);
      }
      this.#refuse(exchange, problem);
      return undefined;
    }
    const { valid, invalid, warned } = judgement;
    const events = valid.length + invalid.length;
    metrics.of(source.name).received.inc(events);
    if (events === 0) {
      this.#payForOne(admitted);
      if (!exchange.answered && !options.validateOnly) this.#countClientLosses(admitted);
      return answerUncounted(exchange, admitted.endpoint);
    }
    const overQuota = this.#charge(source, client, events);
    if (overQuota !== undefined) {
      this.#refuse(exchange, overQuota);
      return undefined;
    }
    if (answersFirst && source.quota !== undefined && !this.#answerFirst(exchange, admitted, body)) return undefined;
    const failed = invalid.length + warned.length;
    if (failed > 0) {
      metrics.invalid(source.name, source.validation, failed);
      logInvalid(log, source.name, judgement);
    }
    if (options.validateOnly) {
      answerCheck(exchange, judgement);
      return undefined;
    }
    let stored: Stored | undefined;
    if (valid.length > 0) {
      const sifted = source.sieve && this.#sift(exchange, admitted, judgement);
      const next = journal.nextPosition;
      const drafts = encodeDrafts(sifted?.kept ?? valid, next, enrichment);
      let first: Position | undefined;
      try {
        first =
          drafts.length === 0 ? next : await journal.append(drafts, options.ack === "durable" ? "synced" : "written");
      } catch (error) {
        this.#refuseAppend(exchange, source, error, drafts);
      }
      assert(first === undefined || first === next, "events get the positions that are written into them");
      if (first !== undefined) stored = this.#stored(exchange, admitted, judgement, drafts, first, sifted);
      // What was refused is sent again, and sifted again.
      if (sifted !== undefined && (stored !== undefined || answersFirst)) this.#countFiltered(source, sifted);
      if (stored !== undefined && !answersFirst) this.#countClientLosses(admitted);
    }
    // What was refused is sent again, and its invalid events with it.
    const sentAgain = valid.length > 0 && stored === undefined && !answersFirst;
    if (invalid.length > 0 && !sentAgain) {
      await quarantine.keepEvents(source.name, invalid, enrichment.receivedMs);
    }
    if (valid.length === 0 && !answersFirst) exchange.problem(allInvalid(judgement, { accepted: 0 }));
    return stored;
  }

  #sift(exchange: Exchange, { source, options }: Admitted, { valid }: Judgement): Sifted | undefined {
    const isBot = this.#enricher.isBot(exchange.request, source);
    return source.sieve?.sift(valid, { isBot, ack: options.ack, nowMs: this.#parts.clock.monotonicMs() });
  }

  #countFiltered(source: Source, { counts }: Sifted): void {
    for (const [reason, events] of counts) this.#parts.onFiltered(source.name, reason, events);
  }

  /** A client forgets what it has dropped once it is told that its events are taken. */
  #countClientLosses({ source, options }: Admitted): void {
    if (options.clientDropped === undefined) return;
    for (const { reason, events } of readClientLosses(options.clientDropped)) {
      this.#parts.onClientDropped(source.name, reason, events);
    }
  }

  /** Answers at level `received`. False when there is no room, which is answered. */
  #answerFirst(exchange: Exchange, admitted: Admitted, body: Buffer): boolean {
    const { endpoint, options } = admitted;
    const refusal = noRoom(this.#parts.journal, body.length);
    if (refusal !== undefined) {
      this.#refuse(exchange, refusal);
      return false;
    }
    answerUncounted(exchange, endpoint);
    this.#acknowledged(exchange, options);
    this.#countClientLosses(admitted);
    return true;
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
    sifted: Sifted | undefined,
  ): Stored {
    const { clock, journal, metrics } = this.#parts;
    const rejected = judgement.invalid.length;
    if (sifted !== undefined) source.sieve?.stored(sifted.kept, options.ack, clock.monotonicMs());
    metrics.of(source.name).accepted.inc(drafts.length);
    const wanted = !exchange.answered && (options.representation || rejected > 0);
    const results = wanted
      ? eventResults(judgement, {
          ids: drafts.map((draft) => draft.id),
          receiptOf: (index) => receiptId(journal.slot, first + index),
          reasons: sifted?.reasons,
        })
      : undefined;
    const problem = rejected > 0 ? summary(judgement) : undefined;
    const filtered = judgement.valid.length - drafts.length;
    return { first, accepted: drafts.length, filtered, rejected, problem, results };
  }

  #refuseAppend(exchange: Exchange, source: Source, error: unknown, drafts: readonly EventDraft[]): void {
    const { journal, metrics } = this.#parts;
    const problem = appendProblem(error, journal, drafts);
    if (exchange.answered) metrics.lost(source.name, problem.code, drafts.length);
    this.#refuse(exchange, problem);
  }

  #answerStored(exchange: Exchange, { endpoint, options }: Admitted, stored: Stored): Promise<void> | undefined {
    if (options.ack === "delivered" && stored.accepted > 0)
      return this.#answerDelivered(exchange, endpoint, options, stored);
    this.#answer(exchange, endpoint, options, stored);
    return undefined;
  }

  async #answerDelivered(
    exchange: Exchange,
    endpoint: ProtocolEndpoint,
    options: EventOptions,
    stored: Stored,
  ): Promise<void> {
    const { deliveries, http } = this.#parts;
    const settled = await deliveries.whenSettled(stored.first, stored.accepted, http.ackTimeoutMs);
    this.#answer(exchange, endpoint, options, stored, settled);
  }

  #answer(
    exchange: Exchange,
    endpoint: ProtocolEndpoint,
    options: EventOptions,
    stored: Stored,
    settled?: Settled,
  ): void {
    if (exchange.answered) return;
    const { deliveries, journal, node } = this.#parts;
    this.#acknowledged(exchange, options);
    const { accepted, filtered, rejected, problem } = stored;
    const receipt = accepted === 0 ? undefined : receiptId(journal.slot, stored.first + accepted - 1);
    const pending = settled !== undefined && settled !== "delivered";
    if (endpoint.answer !== undefined) {
      return endpoint.answer(exchange, { accepted: accepted + filtered, rejected, problem, receipt, pending });
    }
    const states = () => countStates(deliveries, stored.first, stored.accepted);
    answerStored(exchange, options, stored, receipt, settled && { settled, sinks: states(), node });
  }

  #refuse(exchange: Exchange, problem: Problem): undefined {
    exchange.problem(spreadRetry(problem, this.#parts.random ?? Math.random));
  }

  #acknowledged(exchange: Exchange, options: EventOptions): void {
    this.#parts.metrics.acknowledged(options.ack, this.#parts.clock.monotonicMs() - exchange.startedMs);
  }
}
