import type { Logger } from "pino";
import { systemClock } from "../core/clock.ts";
import type { SinkStatus, SlotStatus } from "../core/deliveries.ts";
import type { Position } from "../core/event.ts";
import type { Ledger } from "../core/ledger.ts";
import { Enrichers } from "../ingest/enrichment/enrichers.ts";
import { IngestServer } from "../ingest/ingest-server.ts";
import { createIngestMetrics } from "../ingest/metrics.ts";
import { openapiDocument } from "../ingest/openapi.ts";
import { SourceTable } from "../ingest/sources.ts";
import type { CertificateHandover } from "../ingest/tls/first-certificate.ts";
import { makeReplayToken } from "../journal/replay-token.ts";
import { slotDirectory } from "../journal/slot-directory.ts";
import { removeSegments } from "../journal/slots-on-disk.ts";
import { SchemaRegistry } from "../schemas/registry.ts";
import { createRegistry } from "../telemetry/registry.ts";
import { browserSdk } from "./browser-sdk-script.ts";
import { closingTimeMs } from "./closing-time.ts";
import type { MillraceConfig } from "./config.ts";
import { healthOf } from "./health.ts";
import { Lifeboats } from "./lifeboats.ts";
import { PipelineDeliveries } from "./pipeline-deliveries.ts";
import { type OpenSlot, openSlot } from "./open-slot.ts";
import { packageVersion } from "./package-version.ts";
import { shareOfQuotas } from "./quota-shares.ts";
import type { SendCounts } from "../sinks/notify/sink.ts";
import type { MetricFamilies, WorkerView } from "./worker-protocol.ts";

const NO_SCHEMAS = new SchemaRegistry();

interface Parts extends OpenSlot {
  /** Acknowledged events that earlier workers of this slot lost since the supervisor started. */
  readonly lostBefore: number;
  readonly deliveries: PipelineDeliveries;
  readonly enrichers: Enrichers;
  /** `undefined` when this worker only empties its slot. */
  readonly server: IngestServer | undefined;
}

/** The configuration that can change while events flow, ready for use. */
export interface LiveSettings {
  readonly config: MillraceConfig;
  readonly schemas: SchemaRegistry;
}

interface Serving {
  readonly port: number;
  readonly servingWorkers: number;
  readonly handover: CertificateHandover;
}

export interface WorkerOptions {
  readonly slot: string;
  readonly settings: LiveSettings;
  /** Where events are taken in; `undefined`: nowhere, the slot is only to be emptied. */
  readonly serving: Serving | undefined;
  /** How often earlier workers of this slot died of their own fault since each sink last got any further. */
  readonly crashes: Readonly<Record<string, number>>;
  readonly isReplacement: boolean;
  /** What another slot of this node says of one of its positions. */
  readonly statusIn: (slot: string, position: Position) => Promise<SlotStatus>;
  readonly sendCounts: SendCounts;
  readonly log: Logger;
}

/** What lies on disk is read from disk, also where the journal is to be in memory from now on. */
function toEmpty(config: MillraceConfig): MillraceConfig {
  if (config.journal.durability !== "memory") return config;
  return { ...config, journal: { ...config.journal, durability: "os" } };
}

/** What changes while the collector runs, shared by the parts that read it. */
interface Live {
  settings: LiveSettings;
  sources: SourceTable;
  /** Workers that divide a source's quota. */
  readonly shares: number;
  draining: boolean;
}

/**
 * One worker: a journal slot, its pipelines and, unless it only empties the slot, the event
 * port, put together.
 *
 * Started in the order in which events need the parts, and stopped in the reverse, so
 * that nothing is accepted that could not be kept, and nothing is closed that could
 * still be written to.
 */
export class Worker {
  readonly slot: string;
  readonly #parts: Parts;
  readonly #log: Logger;
  readonly #live: Live;
  /** Ends when the lifeboats that are not needed any more are withdrawn. */
  readonly #withdrawn: Promise<void>;
  /** Cancels that. */
  readonly #withdrawal = new AbortController();
  #closed: Promise<void> | undefined;

  private constructor(slot: string, parts: Parts, live: Live, log: Logger) {
    this.slot = slot;
    // In the background: a place that does not answer must not keep events from being taken in.
    this.#withdrawn =
      Lifeboats.of(live.settings.config, slot, log)?.withdraw(this.#withdrawal.signal) ?? Promise.resolve();
    this.#parts = parts;
    this.#live = live;
    this.#log = log;
  }

  /** Opens the slot, recovers its journal and ledger, and starts serving. */
  static async start({
    slot,
    settings,
    serving,
    crashes,
    isReplacement,
    statusIn,
    sendCounts,
    log,
  }: WorkerOptions): Promise<Worker> {
    const config = serving === undefined ? toEmpty(settings.config) : settings.config;
    const clock = systemClock;
    const registry = createRegistry(slot);
    const shares = serving?.servingWorkers ?? 1;
    // What was opened is closed again when a later step fails, such as a port that is taken.
    await using opened = new AsyncDisposableStack();
    const enrichers = await Enrichers.open(serving === undefined ? [] : config.sources, { clock, log });
    opened.defer(() => enrichers.stop());
    const live: Live = {
      settings,
      sources: SourceTable.create(shareOfQuotas(config.sources, shares), clock, enrichers),
      shares,
      draining: false,
    };

    const slotParts = await openSlot({ slot, config, crashes, registry, clock, log, sendCounts }, opened);
    const { journal, book, pipelines, quarantine } = slotParts;
    await pipelines.apply(config.sinks);

    const deliveries = new PipelineDeliveries(() => pipelines, journal, statusIn);
    let server: IngestServer | undefined;
    if (serving !== undefined) {
      server = new IngestServer({
        listen: { ...config.listen, port: serving.port },
        reusePort: serving.servingWorkers > 1,
        handover: serving.handover,
        http: config.http,
        node: config.node,
        journal,
        sources: () => live.sources,
        validator: () => live.settings.schemas,
        schemas: () => (live.settings.config.schemas.expose ? live.settings.schemas : NO_SCHEMAS),
        quarantine,
        deliveries,
        onQuarantined: (source, events) => {
          book.ledger.quarantine(source, events);
          book.changed();
        },
        onFiltered: (source, reason, events) => {
          book.ledger.filter(source, reason, events);
          book.changed();
        },
        onClientDropped: (source, reason, events) => {
          book.ledger.reportClientDropped(source, reason, events);
          book.changed();
        },
        metrics: createIngestMetrics(registry),
        log,
        clock,
        replayToken: await replayTokenOf(config, log),
        openapi: JSON.stringify(openapiDocument(packageVersion(), config.http)),
        sdk: browserSdk,
        health: () => healthOf(live.draining, journal, pipelines, live.settings.config.readiness, clock.nowMs()),
      });
      await server.listen();
    }
    opened.move();
    const lostBefore = isReplacement ? book.lostBefore : 0;
    const parts = { ...slotParts, lostBefore, deliveries, enrichers, server };
    return new Worker(slot, parts, live, log);
  }

  /** The event port; 0 when it takes no events in. */
  get port(): number {
    return this.#parts.server?.port ?? 0;
  }

  get ledger(): Ledger {
    return this.#parts.book.ledger;
  }

  /** The saved cursors of the sinks that are owed events. */
  get progress(): Readonly<Record<string, Position>> {
    return this.#parts.book.saved;
  }

  /** True when every sink has settled every event of the slot. */
  get isEmpty(): boolean {
    const { journal, pipelines } = this.#parts;
    return [...pipelines].every((pipeline) => this.ledger.cursor(pipeline.settings.name) >= journal.end);
  }

  view(): WorkerView {
    const { journal, pipelines } = this.#parts;
    const { config } = this.#live.settings;
    return {
      health: healthOf(this.#live.draining, journal, pipelines, config.readiness, systemClock.nowMs()),
      ledger: this.ledger.checkpoint(),
      journalFraction: journal.heldBytes / journal.maxBytes,
      sinks: [...pipelines].map((pipeline) => ({ sink: pipeline.settings.name, ...pipeline.health() })),
    };
  }

  metrics(): Promise<MetricFamilies> {
    return this.#parts.registry.getMetricsAsJSON();
  }

  /** What a sink of type `memory` holds, as JSON, oldest first; `undefined` when there is none of that name. */
  eventsInMemory(sink: string): string[] | undefined {
    return this.#parts.pipelines.eventsInMemory(sink)?.map(({ bytes }) => bytes.toString());
  }

  statusOf(position: Position): readonly SinkStatus[] | undefined {
    return this.#parts.deliveries.statusOf(position);
  }

  /**
   * Acknowledged events that this process could not keep: those still held by a journal in
   * memory when it ends, and those found damaged since the start.
   */
  lostEvents(): number {
    const { ledger } = this;
    const inMemory = this.#parts.journal.durability === "memory";
    const held = inMemory ? Math.max(0, ...ledger.sinks.map((sink) => ledger.held(sink))) : 0;
    return held + this.#parts.book.lostEvents + this.#parts.lostBefore;
  }

  /** Puts new sources, schemas and sinks into force, all or none, without dropping a connection. */
  async apply(settings: LiveSettings): Promise<void> {
    const { enrichers, pipelines, server } = this.#parts;
    const described = server === undefined ? [] : settings.config.sources;
    await enrichers.load(described);
    await pipelines.apply(settings.config.sinks);
    this.#live.sources = this.#live.sources.replacedBy(shareOfQuotas(settings.config.sources, this.#live.shares));
    enrichers.keepFor(described);
    this.#live.settings = settings;
  }

  /**
   * Stops without losing anything: not ready, serve on for `preStopMs`, stop accepting,
   * finish requests, flush every pipeline, save. Ends within `drainMs`; what a sink could
   * not take by then stays in the journal for the next start.
   */
  async drain(): Promise<void> {
    const { preStopMs, drainMs } = this.#live.settings.config.shutdown;
    const deadlineMs = systemClock.monotonicMs() + drainMs;
    const closingMs = closingTimeMs(drainMs);
    const lifeboats = Lifeboats.of(this.#live.settings.config, this.slot, this.#log);
    const reservedMs = closingMs + (lifeboats?.reserveMs ?? 0);
    const leftMs = () => Math.max(0, deadlineMs - reservedMs - systemClock.monotonicMs());
    const { server, pipelines } = this.#parts;
    this.#live.draining = true;
    if (server !== undefined) {
      if (preStopMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(preStopMs, leftMs())));
      this.#log.info("no longer accepting events; finishing requests");
      // Half of the time at most, so that a slow sender does not keep what was accepted from being flushed.
      await server.close(leftMs() / 2);
    }
    this.#sayWhatIsHeld(leftMs());
    await pipelines.drain(leftMs());
    await this.#close(async () => {
      if (lifeboats === undefined) return;
      await lifeboats.launch(this.ledger, deadlineMs - closingMs - systemClock.monotonicMs(), this.#withdrawn);
    });
  }

  #sayWhatIsHeld(atMostMs: number): void {
    const { ledger } = this;
    const held = ledger.sinks.map((sink) => [sink, ledger.held(sink)] as const).filter(([, events]) => events > 0);
    if (held.length === 0) return;
    this.#log.info(
      { held: Object.fromEntries(held), atMostMs: Math.round(atMostMs) },
      "flushing the sinks; what they do not take in time stays in the journal, as it does after a second signal",
    );
  }

  /**
   * Stops at once, without losing anything: takes no more requests, finishes those under
   * way for at most `atMostMs`, saves. What sinks have not had stays in the journal. It also
   * ends a drain early.
   */
  async abandon(atMostMs: number): Promise<void> {
    this.#live.draining = true;
    await this.#parts.server?.close(atMostMs);
    await this.#parts.pipelines.drain(0);
    await this.#close();
  }

  /** @param beforeUnlock what is to be done with the closed slot while nobody else may touch it */
  #close(beforeUnlock?: () => Promise<void>): Promise<void> {
    this.#closed ??= this.#closeParts(beforeUnlock);
    return this.#closed;
  }

  async #closeParts(beforeUnlock?: () => Promise<void>): Promise<void> {
    const { enrichers, pipelines, book, journal, quarantine, deadLetters, reserve, lock } = this.#parts;
    this.#withdrawal.abort();
    enrichers.stop();
    await pipelines.stop();
    await Promise.all([quarantine.close(), deadLetters.close()]);
    const isSaved = await book.close();
    await journal.close();
    if (isSaved) await this.#discard();
    await beforeUnlock?.();
    await reserve.close();
    await lock.release();
  }

  /** A slot whose ledger says that it was emptied has no use for its segments and its reserve; without them the next start need not look into it. */
  async #discard(): Promise<void> {
    const { journal } = this.#live.settings.config;
    const isServing = this.#parts.server !== undefined;
    if (isServing || !this.isEmpty || journal.retainMs > 0) return;
    try {
      await removeSegments(journal, this.slot);
      await this.#parts.reserve.remove();
    } catch (error) {
      this.#log.error(
        { err: error, directory: slotDirectory(journal, this.slot) },
        "this journal slot is empty, but its segments could not be deleted; make the directory writable, or delete its *.seg files and its reserve",
      );
    }
  }
}

/** Without it, what is replayed from the quarantine has the operator's address and user agent. */
async function replayTokenOf({ journal }: MillraceConfig, log: Logger): Promise<string | undefined> {
  try {
    return await makeReplayToken(journal);
  } catch (error) {
    log.warn({ err: error, dir: journal.dir }, "the token that replays show could not be written");
    return undefined;
  }
}
