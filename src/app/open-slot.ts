import type { Logger } from "pino";
import type { Registry } from "prom-client";
import type { Clock } from "../core/clock.ts";
import type { Journal } from "../core/journal.ts";
import { Ledger } from "../core/ledger.ts";
import type { RejectLog } from "../core/reject-log.ts";
import { CheckpointFile } from "../journal/checkpoint-file.ts";
import { DiskReserve } from "../journal/disk-reserve.ts";
import { createJournalMetrics } from "../journal/metrics.ts";
import { openJournal } from "../journal/open-journal.ts";
import { openRejectLog } from "../journal/reject-log-files.ts";
import type { SlotLock } from "../journal/slot-lock.ts";
import { registerLedgerMetrics } from "../telemetry/registry.ts";
import { Caution } from "./caution.ts";
import type { MillraceConfig } from "./config.ts";
import { LedgerBook } from "./ledger-book.ts";
import { Pipelines } from "./pipelines.ts";
import type { SendCounts } from "../sinks/notify/sink.ts";
import { lockWhenFree } from "./slot-takeover.ts";

/** A journal slot with what takes events from it; the pipelines are those of no sink yet. */
export interface OpenSlot {
  readonly lock: SlotLock;
  readonly reserve: DiskReserve;
  readonly journal: Journal;
  readonly book: LedgerBook;
  readonly pipelines: Pipelines;
  readonly quarantine: RejectLog;
  readonly deadLetters: RejectLog;
  readonly registry: Registry;
}

export interface OpenSlotOptions {
  readonly slot: string;
  readonly config: MillraceConfig;
  /** How often earlier workers of this slot died of their own fault since each sink last got any further. */
  readonly crashes: Readonly<Record<string, number>>;
  readonly registry: Registry;
  readonly clock: Clock;
  readonly log: Logger;
  readonly sendCounts: SendCounts;
}

/**
 * Locks a slot, recovers its journal and ledger, and puts together what delivers from it.
 *
 * @param opened closes what was opened when a later step fails
 */
export async function openSlot(
  { slot, config, crashes, registry, clock, log, sendCounts }: OpenSlotOptions,
  opened: AsyncDisposableStack,
): Promise<OpenSlot> {
  const lock = opened.adopt(await lockWhenFree(config.journal, slot, clock, log), (held) => held.release());
  const reserve = opened.adopt(new DiskReserve({ config: config.journal, slot }), (held) => held.close());
  if (!reserve.hold()) log.warn("the disk of the journal is full: events are refused until there is room");
  const checkpoints = new CheckpointFile({ config: config.journal, slot, log, reserve });
  const checkpoint = await checkpoints.load();
  const metrics = createJournalMetrics(registry);
  const recorded = new Ledger(checkpoint);
  const { journal, recovery } = await openJournal({
    config: config.journal,
    slot,
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
    damaged: recovery.damagedSegments + recovery.foreignFiles > 0,
    journal,
    file: checkpoints,
    clock,
    log,
  });
  opened.defer(async () => void (await book.close()));
  registerLedgerMetrics(registry, book.ledger, journal);

  const rejects = { slot, durability: config.journal.durability, clock, log, metrics };
  const quarantine = await openRejectLog({ ...rejects, config: config.quarantine, name: "quarantine" });
  opened.defer(() => quarantine.close());
  const deadLetters = await openRejectLog({
    ...rejects,
    config: config.deadLetters,
    name: "dead-letters",
    // The cursor passes an event that is written there, and a power cut must not take it from both.
    durability: config.journal.durability === "memory" ? "memory" : "disk",
  });
  opened.defer(() => deadLetters.close());

  const pipelines = new Pipelines({
    node: config.node,
    journal,
    book,
    deadLetters,
    registry,
    clock,
    log,
    sendCounts,
    caution: Caution.after(crashes, {
      config: config.journal,
      slot,
      sinks: config.sinks.map(({ name }) => name),
      log,
    }),
  });
  opened.defer(() => pipelines.stop());
  journal.onAppend((events) => {
    book.accept(events);
    pipelines.wake();
  });
  return { lock, reserve, journal, book, pipelines, quarantine, deadLetters, registry };
}
