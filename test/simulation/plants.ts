import type { Journal } from "../../src/core/journal.ts";
import type { RejectLog } from "../../src/core/reject-log.ts";
import type { Sink } from "../../src/core/sink.ts";
import type { Disk } from "../../src/journal/disk.ts";
import type { SettleListener } from "../../src/pipeline/settlement.ts";

/** A bug put in from outside, by changing what passes between the parts. */
export interface Plant {
  disk?(disk: Disk): Disk;
  journal?(journal: Journal): Journal;
  letters?(letters: RejectLog): RejectLog;
  sink?(sink: Sink): Sink;
  /** Makes, for one pipeline, what passes its moves on. */
  settle?(): (...move: [...Parameters<SettleListener>, settle: SettleListener]) => void;
}

export const PLANTS: Readonly<Record<string, Plant>> = {};
