import { Counter, Gauge, Histogram, Registry } from "prom-client";

export type JournalMetrics = ReturnType<typeof createJournalMetrics>;

const nothingUnsynced = () => ({ bytes: 0, ageMs: 0 });

/** The instruments of the journal, the quarantine and the dead letters. */
export function createJournalMetrics(registry: Registry = new Registry()) {
  const registers = [registry];
  const counter = (name: string, help: string) => new Counter({ name: `millrace_journal_${name}`, help, registers });
  const rejectCounter = <Label extends string>(name: string, help: string, labelNames: Label[]) =>
    new Counter({ name: `millrace_reject_log_${name}`, help, labelNames, registers });
  const refused = new Counter({
    name: "millrace_journal_refused_events_total",
    help: "Events that were not taken, by reason: full (the budget is used up) or write_failed (the disk refused).",
    labelNames: ["reason"],
    registers,
  });
  let unsynced = nothingUnsynced;
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name: `millrace_journal_${name}`,
      help,
      registers,
      collect() {
        this.set(read());
      },
    });
  gauge("unsynced_bytes", "Bytes written that a power cut could still take.", () => unsynced().bytes);
  gauge(
    "unsynced_seconds",
    "Age of the oldest write that a power cut could still take.",
    () => unsynced().ageMs / 1_000,
  );
  return {
    /** Sets where the figures of what is not synced come from. */
    showUnsynced(read: typeof unsynced) {
      unsynced = read;
    },
    heldBack: counter(
      "held_back_events_total",
      "Events that were acknowledged only once they were synced, since journal.unsynced was used up.",
    ),
    groupEvents: new Histogram({
      name: "millrace_journal_group_events",
      help: "Events written together by one system call; the sum is all events written.",
      buckets: [1, 2, 5, 10, 20, 50, 100, 500, 2000],
      registers,
    }),
    writeSeconds: new Histogram({
      name: "millrace_journal_write_seconds",
      help: "Time of one write to the journal, during which the process does nothing else.",
      buckets: [0.000_01, 0.000_03, 0.000_1, 0.000_3, 0.001, 0.01, 0.1, 1],
      registers,
    }),
    syncSeconds: new Histogram({
      name: "millrace_journal_sync_seconds",
      help: "Time of one sync of the journal to disk (group commit).",
      buckets: [0.000_1, 0.000_3, 0.001, 0.003, 0.01, 0.03, 0.1, 1, 10],
      registers,
    }),
    writtenBytes: counter("written_bytes_total", "Bytes of events written to the journal, with their framing."),
    refusedFull: refused.labels("full"),
    failedWrites: refused.labels("write_failed"),
    failedSyncs: counter("failed_syncs_total", "Syncs that the disk refused; those who waited for one were told so."),
    rewrittenSegments: counter(
      "rewritten_segments_total",
      "Segments written again since they could not be synced, or their file was deleted from outside.",
    ),
    failedReads: counter("failed_reads_total", "Reads of the journal that the disk refused; they are tried again."),
    damagedBytes: counter("damaged_bytes_total", "Bytes of damaged records that a reader stepped over, per reader."),
    skippedPositions: counter(
      "skipped_positions_total",
      "Positions without an event that a reader stepped over, per reader: lost to damage. Not those left free after a crash.",
    ),
    recoveredDamagedSegments: counter(
      "damaged_segments_total",
      "Segments found damaged or unreadable at the start and moved aside.",
    ),
    recoveredForeignFiles: counter(
      "foreign_files_total",
      "Files found at the start that are no segments of a version that is known, moved aside.",
    ),
    recoveredTruncatedBytes: counter("truncated_bytes_total", "Bytes of a torn end cut off at the start."),
    rejectedEntries: rejectCounter("entries_total", "Entries written to the quarantine or the dead letters.", ["log"]),
    lostRejects: rejectCounter("lost_entries_total", "Entries that could not be written.", ["log"]),
    evictedRejectFiles: rejectCounter(
      "evicted_files_total",
      "Files deleted to keep within maxBytes or maxAgeMs, or to make room on a full disk.",
      ["log", "reason"],
    ),
    evictedRejectBytes: rejectCounter("evicted_bytes_total", "Bytes of the files deleted, by reason.", [
      "log",
      "reason",
    ]),
  };
}
