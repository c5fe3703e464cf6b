import type { SkipReason, StoredEvent, StoredItem, StoredUnit } from "./event-store.ts";

/** Edits of which before and after are shown. */
const SAMPLES = 5;

/** Types, and sources, of which each is counted; further ones together. */
const MAX_NAMES = 1_000;

/** An event that the edit rules could not change as they say, and why. */
export interface EditFailure {
  readonly id: string;
  readonly reason: string;
}

export interface DryRun {
  readonly read: number;
  readonly wouldSend: number;
  readonly skipped: Readonly<Record<string, number>>;
  readonly byType: Readonly<Record<string, number>>;
  readonly bySource: Readonly<Record<string, number>>;
  /** By the day on which they were received, UTC. */
  readonly byDay: Readonly<Record<string, number>>;
  /** Of the quarantine: what would be refused again, by code, as the schemas of the configuration say; else absent. */
  readonly invalid?: Readonly<Record<string, number>>;
  readonly edited: number;
  readonly samples: readonly { readonly before: string; readonly after: string }[];
  /** The first events whose edit failed. */
  readonly editFailures: readonly EditFailure[];
  readonly problems: readonly string[];
}

export interface DryRunOptions {
  readonly units: readonly StoredUnit[];
  readonly choose: (item: StoredItem, unit: StoredUnit) => StoredEvent | SkipReason;
  /** The code of what an event would be refused for; `undefined` when it would be taken. */
  readonly refusal?: (event: StoredEvent) => string | undefined;
  /** Those that `choose` has met, filled while it is asked. */
  readonly editFailures: readonly EditFailure[];
  readonly onBytes: (bytes: number) => void;
  readonly signal: AbortSignal;
}

/** Reads all that a replay would read, and sends nothing. */
export async function dryRun(options: DryRunOptions): Promise<DryRun> {
  const { units, choose, refusal, editFailures, onBytes, signal } = options;
  const [skipped, byType, bySource, byDay, invalid] = Array.from({ length: 5 }, () => new Map<string, number>());
  const samples: { before: string; after: string }[] = [];
  const problems: string[] = [];
  let [read, wouldSend, edited] = [0, 0, 0];
  const take = (item: StoredItem, unit: StoredUnit): void => {
    read++;
    const chosen = choose(item, unit);
    if (typeof chosen === "string") {
      add(skipped, chosen);
      return;
    }
    if (item.event !== undefined && isEdited(item.event, chosen)) {
      edited++;
      if (samples.length < SAMPLES) samples.push({ before: String(item.event.bytes), after: String(chosen.bytes) });
    }
    const code = refusal?.(chosen);
    if (code !== undefined) {
      add(invalid, code);
      return;
    }
    wouldSend++;
    add(byType, chosen.type);
    add(bySource, chosen.source);
    add(byDay, new Date(chosen.receivedMs).toISOString().slice(0, 10));
  };
  for (const unit of units) {
    try {
      for await (const items of unit.read(onBytes)) {
        for (const item of items) take(item, unit);
        if (signal.aborted) break;
      }
    } catch (error) {
      problems.push(
        `${unit.name} cannot be read to its end: ${error instanceof Error ? error.message : String(error)}`,
      );
    }
    if (signal.aborted) break;
  }
  return {
    read,
    wouldSend,
    skipped: Object.fromEntries(skipped ?? []),
    byType: Object.fromEntries(byType ?? []),
    bySource: Object.fromEntries(bySource ?? []),
    byDay: Object.fromEntries(byDay ?? []),
    ...(refusal !== undefined && { invalid: Object.fromEntries(invalid ?? []) }),
    edited,
    samples,
    editFailures,
    problems,
  };
}

function isEdited(before: StoredEvent, after: StoredEvent): boolean {
  return !after.bytes.equals(before.bytes);
}

function add(counts: Map<string, number> | undefined, name: string): void {
  if (counts === undefined) return;
  const known = counts.has(name) || counts.size < MAX_NAMES ? name : "(others)";
  counts.set(known, (counts.get(known) ?? 0) + 1);
}
