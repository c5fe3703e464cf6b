import type { Logger } from "pino";
import type { Registry } from "prom-client";
import { type AdminServer, startAdminServer } from "../admin/admin-server.ts";
import { systemClock } from "../core/clock.ts";
import type { Journal } from "../core/journal.ts";
import { Ledger } from "../core/ledger.ts";
import type { RejectLog } from "../core/reject-log.ts";
import { IngestServer } from "../ingest/ingest-server.ts";
import { createIngestMetrics } from "../ingest/metrics.ts";
import { openapiDocument } from "../ingest/openapi.ts";
import { SourceTable } from "../ingest/sources.ts";
import { CheckpointFile } from "../journal/checkpoint-file.ts";
import { DiskReserve } from "../journal/disk-reserve.ts";
import { createJournalMetrics } from "../journal/metrics.ts";
import { openJournal } from "../journal/open-journal.ts";
import { openRejectLog } from "../journal/reject-log-files.ts";
import { lockSlot, type SlotLock } from "../journal/slot-lock.ts";
import { SchemaRegistry } from "../schemas/registry.ts";
import { createRegistry, registerLedgerMetrics } from "../telemetry/registry.ts";
import type { MillraceConfig } from "./config.ts";
import { type Health, healthOf } from "./health.ts";
import { LedgerBook } from "./ledger-book.ts";
import { PipelineDeliveries } from "./pipeline-deliveries.ts";
import { Pipelines } from "./pipelines.ts";
import { packageVersion } from "./package-version.ts";

/** Name of the one journal slot of a process with one worker. */
const SLOT = "0";

/** Kept of the drain's time, up to half of it, for writing the last state, closing files and ending the process. */
const CLOSING_MS = 1_500;

const NO_SCHEMAS = new SchemaRegistry();

interface Parts {
  readonly lock: SlotLock;
  readonly reserve: DiskReserve;
  readonly journal: Journal;
  readonly book: LedgerBook;
  readonly pipelines: Pipelines;
  readonly server: IngestServer;
  readonly admin: AdminServer;
  readonly quarantine: RejectLog;
  readonly deadLetters: RejectLog;
}

/** The configuration that can change while events flow. */
export interface LiveSettings {
  readonly config: MillraceConfig;
  readonly schemas: SchemaRegistry;
}

/** What changes while the collector runs, shared by the parts that read it. */
interface Live {
  settings: LiveSettings;
  sources: SourceTable;
  draining: boolean;
}

/**
 * One running collector: the event port, the journal slot, the pipelines and the admin
 * port, put together.
 *
 * Started in the order in which events need the parts, and stopped in the reverse, so
 * that nothing is accepted that could not be kept, and nothing is closed that could
 * still be written to.
 */
export class Collector {
  readonly #parts: Parts;
  readonly #log: Logger;
  readonly #live: Live;

  private constructor(parts: Parts, live: Live, log: Logger) {
    this.#parts = parts;
    this.#live = live;
    this.#log = log;
  }

  /** Opens the slot, recovers its journal and ledger, and starts serving. */
  static async start(settings: LiveSettings, log: Logger): Promise<Collector> {
    const { config } = settings;
    const clock = systemClock;
    const registry = createRegistry();
    const live: Live = {
      settings,
      sources: SourceTable.create(config.sources, clock),
      draining: false,
    };
    // What was opened is closed again when a later step fails, such as a port that is taken.
    await using opened = new AsyncDisposableStack();

    const lock = opened.adopt(await lockSlot(config.journal, SLOT), (held) => held.release());
    const reserve = opened.adopt(new DiskReserve({ config: config.journal, slot: SLOT }), (held) => held.close());
    if (!reserve.hold()) log.warn("the disk of the journal is full: events are refused until there is room");
    const checkpoints = new CheckpointFile({ config: config.journal, slot: SLOT, log, reserve });
    const checkpoint = await checkpoints.load();
    const metrics = createJournalMetrics(registry);
    const recorded = new Ledger(checkpoint);
    const { journal, recovery } = await openJournal({
      config: config.journal,
      slot: SLOT,
      clock,
      log,
      metrics,
      reserve,
      atLeast: recorded.countedTo,
      neededFrom: recorded.lowestCursor(),
    });
    opened.defer(() => journal.close());
    const book = await LedgerBook.open({
      checkpoint,
      sinks: config.sinks.map(({ name }) => name),
      damaged: recovery.damagedSegments > 0,
      journal,
      file: checkpoints,
      clock,
      log,
    });
    opened.defer(() => book.close());
    registerLedgerMetrics(registry, book.ledger, journal);

    const rejects = { slot: SLOT, durability: config.journal.durability, clock, log, metrics };
    const quarantine = await openRejectLog({ ...rejects, config: config.quarantine, name: "quarantine" });
    opened.defer(() => quarantine.close());
    const deadLetters = await openRejectLog({ ...rejects, config: config.deadLetters, name: "dead-letters" });
    opened.defer(() => deadLetters.close());

    const pipelines = new Pipelines({ node: config.node, journal, book, deadLetters, registry, clock, log });
    opened.defer(() => pipelines.stop());
    journal.onAppend((events) => {
      book.accept(events);
      pipelines.wake();
    });
    await pipelines.apply(config.sinks);

    const health = (): Health =>
      healthOf(live.draining, journal, pipelines, live.settings.config.readiness, clock.nowMs());
    const server = new IngestServer({
      listen: config.listen,
      http: config.http,
      node: config.node,
      journal,
      sources: () => live.sources,
      validator: () => live.settings.schemas,
      schemas: () => (live.settings.config.schemas.expose ? live.settings.schemas : NO_SCHEMAS),
      quarantine,
      deliveries: new PipelineDeliveries(() => pipelines, journal),
      onQuarantined: (source, events) => {
        book.ledger.quarantine(source, events);
        book.changed();
      },
      metrics: createIngestMetrics(registry),
      log,
      clock,
      openapi: JSON.stringify(openapiDocument(packageVersion(), config.http)),
      health,
    });
    const admin = await startAdminServer(config.admin, adminView(registry, health, pipelines, book.ledger));
    opened.defer(() => admin.close());
    await server.listen();

    opened.move();
    return new Collector(
      { lock, reserve, journal, book, pipelines, server, admin, quarantine, deadLetters },
      live,
      log,
    );
  }

  get port(): number {
    return this.#parts.server.port;
  }

  get adminPort(): number {
    return this.#parts.admin.port;
  }

  get ledger(): Ledger {
    return this.#parts.book.ledger;
  }

  /**
   * Acknowledged events that this process could not keep: those still held by a journal in
   * memory when it ends, and those found damaged since the start.
   */
  lostEvents(): number {
    const { ledger } = this;
    const inMemory = this.#parts.journal.durability === "memory";
    const held = inMemory ? Math.max(0, ...ledger.sinks.map((sink) => ledger.held(sink))) : 0;
    return held + this.#parts.book.lostEvents;
  }

  /** Puts new sources, schemas and sinks into force, all or none, without dropping a connection. */
  async apply(settings: LiveSettings): Promise<void> {
    await this.#parts.pipelines.apply(settings.config.sinks);
    this.#live.sources = this.#live.sources.replacedBy(settings.config.sources);
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
    const closingMs = Math.min(CLOSING_MS, drainMs / 2);
    const leftMs = () => Math.max(0, deadlineMs - closingMs - systemClock.monotonicMs());
    const { server, pipelines } = this.#parts;
    this.#live.draining = true;
    server.beginDrain();
    if (preStopMs > 0) await new Promise((resolve) => setTimeout(resolve, Math.min(preStopMs, leftMs())));
    this.#log.info("no longer accepting events; finishing requests");
    // Half of the time at most, so that a slow sender does not keep what was accepted from being flushed.
    await server.close(leftMs() / 2);
    this.#sayWhatIsHeld(leftMs());
    await pipelines.drain(leftMs());
    await this.#close();
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

  async #close(): Promise<void> {
    const { pipelines, book, journal, quarantine, deadLetters, admin, reserve, lock } = this.#parts;
    await pipelines.stop();
    await Promise.all([quarantine.close(), deadLetters.close()]);
    await book.close();
    await journal.close();
    await admin.close();
    await reserve.close();
    await lock.release();
  }
}

function adminView(registry: Registry, health: () => Health, pipelines: Pipelines, ledger: Ledger) {
  return {
    registry,
    health,
    events: (sink: string) => pipelines.eventsInMemory(sink)?.map(({ bytes }) => bytes.toString()),
    sinks: () => [...pipelines].map((pipeline) => ({ sink: pipeline.settings.name, ...pipeline.health() })),
    ledger: () => ({
      balanced: ledger.balances(),
      accepted: Object.fromEntries(ledger.accepted()),
      quarantined: Object.fromEntries(ledger.quarantined()),
      rows: ledger.rows(),
    }),
  };
}
