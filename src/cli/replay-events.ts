import path from "node:path";
import type { MillraceConfig } from "../app/config.ts";
import type { EditFailure } from "../replay/dry-run.ts";
import { editEvent } from "../replay/edit-event.ts";
import type { EditRule } from "../replay/edit-rules.ts";
import type { SkipReason, StoredEvent, StoredItem, StoredUnit } from "../replay/event-store.ts";
import { rejectLogUnits } from "../replay/reject-entries.ts";
import { ReplayedMarks } from "../replay/replayed-marks.ts";
import { Selection } from "../replay/selection.ts";
import { archiveFiles } from "./archive-place.ts";
import { nativeSources } from "./event-port-target.ts";
import { editRulesOf, rangeOf, type ReplayPlan } from "./replay-plan.ts";

/** Failed edits that are kept to be shown. */
const EDIT_FAILURES = 5;

/** What a plan reads, and what of it is to be sent. */
export interface ReplayEvents {
  readonly units: readonly StoredUnit[];
  readonly choose: (item: StoredItem, unit: StoredUnit) => StoredEvent | SkipReason;
  /** Of dead letters and the quarantine: what was replayed. */
  readonly marks: ReplayedMarks | undefined;
  /** The first events that `choose` has met whose edit failed. */
  readonly editFailures: readonly EditFailure[];
}

/** @param stateDir where marks are kept */
export async function replayEvents(plan: ReplayPlan, config: MillraceConfig, stateDir: string): Promise<ReplayEvents> {
  const units = await unitsOf(plan, config);
  const selection = new Selection({
    range: rangeOf(plan),
    types: plan.types,
    filter: plan.filter,
    sink: plan.refusedBy,
    codes: plan.codes,
  });
  const rules = await editRulesOf(plan);
  const isRejectLog = plan.from === "dead-letters" || plan.from === "quarantine";
  const keys = units.map(({ key }) => key);
  const marks = isRejectLog ? await ReplayedMarks.open(path.join(stateDir, "replayed", plan.from), keys) : undefined;
  const sources = plan.from === "quarantine" ? nativeSources(config) : undefined;
  const editFailures: EditFailure[] = [];
  const choose = (item: StoredItem, unit: StoredUnit): StoredEvent | SkipReason => {
    const skipped = selection.skips(item);
    if (skipped !== undefined) return skipped;
    const { event } = item;
    if (event === undefined) return "unreadable";
    if (!plan.again && marks?.has(unit.key, item.index) === true) return "already_replayed";
    if (sources !== undefined && !sources.has(event.source)) return "no_source";
    return rules.length === 0 ? event : edited(event, rules, editFailures);
  };
  return { units, choose, marks, editFailures };
}

function edited(event: StoredEvent, rules: readonly EditRule[], failures: EditFailure[]): StoredEvent | SkipReason {
  const done = editEvent(event, rules);
  if (done.kind === "failed") {
    if (failures.length < EDIT_FAILURES) failures.push({ id: event.id, reason: done.reason });
    return "edit_failed";
  }
  return done.kind === "edited" ? done.event : event;
}

async function unitsOf(plan: ReplayPlan, config: MillraceConfig): Promise<readonly StoredUnit[]> {
  switch (plan.from) {
    case "journal": {
      const { journalHistory } = await import("../replay/journal-history.ts");
      return journalHistory(config.journal, plan.owedFrom);
    }
    case "archive": {
      const { archiveUnits } = await import("../replay/archive-file.ts");
      return plan.archive === undefined ? [] : archiveUnits(await archiveFiles(plan.archive, rangeOf(plan)));
    }
    case "dead-letters":
      return rejectLogUnits(config.deadLetters.dir, "dead-letters");
    case "quarantine":
      return rejectLogUnits(config.quarantine.dir, "quarantine");
  }
}

/** The sinks that the dead letters name. */
export async function refusingSinks(plan: ReplayPlan, config: MillraceConfig): Promise<ReadonlySet<string>> {
  const sinks = new Set<string>();
  for (const unit of await unitsOf(plan, config)) {
    for await (const items of unit.read(() => {})) {
      for (const { rejection } of items) if (rejection?.sink !== undefined) sinks.add(rejection.sink);
    }
  }
  return sinks;
}
