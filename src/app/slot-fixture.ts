import { Registry } from "prom-client";
import { systemClock } from "../core/clock.ts";
import type { RejectLog } from "../core/reject-log.ts";
import { CheckpointFile } from "../journal/checkpoint-file.ts";
import { openTestJournal, silent } from "../journal/journal-fixture.ts";
import type { SimulatedDisk } from "../journal/simulated-disk.ts";
import { Caution } from "./caution.ts";
import { LedgerBook } from "./ledger-book.ts";
import { Pipelines } from "./pipelines.ts";
import { type SinkConfig, sinkConfig } from "./sink-config.ts";

const JOURNAL = { maxBytes: 1024 ** 2, segmentBytes: 64 * 1024, tailBytes: 64 * 1024 };

const deadLetters: RejectLog = { append: () => Promise.resolve(), close: () => Promise.resolve() };

/** A sink that takes everything; with the default settings as soon as it is written. */
export function memorySink(settings: { name: string; maxEvents?: number; maxAgeMs?: number }): SinkConfig {
  const { name, maxEvents = 10, maxAgeMs = 1 } = settings;
  return sinkConfig.parse({ type: "memory", name, batch: { maxEvents, maxAgeMs } });
}

/** A sink that gets nothing while a test looks on: it waits for more events for minutes. */
export function patientSink(name: string): SinkConfig {
  return memorySink({ name, maxEvents: 10_000, maxAgeMs: 900_000 });
}

/** Journal, ledger and pipelines on what a disk holds, put together as the collector does. */
export async function openSlot(disk: SimulatedDisk, sinks: readonly SinkConfig[], caution = Caution.none()) {
  const file = new CheckpointFile({ config: { dir: "/journal" }, slot: "0", log: silent, disk });
  const checkpoint = await file.load();
  const atLeast = checkpoint?.countedTo ?? 0;
  const { journal, recovery } = await openTestJournal({ disk, config: JOURNAL, atLeast });
  const book = await LedgerBook.open({
    checkpoint,
    sinks: sinks.map(({ name }) => name),
    damaged: recovery.damagedSegments + recovery.foreignFiles > 0,
    journal,
    file,
    clock: systemClock,
    log: silent,
  });
  const pipelines = new Pipelines({
    node: "node",
    journal,
    book,
    deadLetters,
    registry: new Registry(),
    clock: systemClock,
    log: silent,
    sendCounts: () => Promise.resolve("counted"),
    caution,
  });
  journal.onAppend((events) => {
    book.accept(events);
    pipelines.wake();
  });
  return {
    journal,
    book,
    pipelines,
    ledger: book.ledger,
    start: () => pipelines.apply(sinks),
    async [Symbol.asyncDispose]() {
      await pipelines.stop();
      await book.close();
      await journal.close();
    },
  };
}
