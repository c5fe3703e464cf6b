import type { EventsByReason, Ledger, LedgerRow } from "./ledger.ts";

/** Several ledgers as one: the conservation counters of a node, over all its journal slots. */
export interface LedgerSummary {
  /** True when each of the ledgers balances. */
  readonly balanced: boolean;
  /** True when every figure is of now: nothing is `missing`. */
  readonly complete: boolean;
  /** Slots whose worker has not told its figures just now. They are in the sums with what was known of them last. */
  readonly missing: readonly string[];
  /** Events accepted, by source. */
  readonly accepted: Readonly<Record<string, number>>;
  /** Events that failed validation and were set aside, by source. */
  readonly quarantined: Readonly<Record<string, number>>;
  /** Events that a rule of their source kept out of the journal, by source and reason. They are not in `accepted`. */
  readonly filtered: EventsByReason;
  /** Events that clients say they dropped before they sent them, by source and reason. */
  readonly clientDropped: EventsByReason;
  readonly rows: readonly LedgerRow[];
}

export function summarize(ledgers: readonly Ledger[], missing: readonly string[] = []): LedgerSummary {
  const rows = new Map<string, LedgerRow>();
  for (const ledger of ledgers) {
    for (const row of ledger.rows()) {
      const key = JSON.stringify([row.source, row.sink]);
      const sum = rows.get(key);
      rows.set(key, sum === undefined ? row : added(sum, row));
    }
  }
  return {
    balanced: ledgers.every((ledger) => ledger.balances()),
    complete: missing.length === 0,
    missing,
    accepted: sumByName(ledgers.map((ledger) => ledger.accepted())),
    quarantined: sumByName(ledgers.map((ledger) => ledger.quarantined())),
    filtered: sumByReason(ledgers.map((ledger) => ledger.filtered())),
    clientDropped: sumByReason(ledgers.map((ledger) => ledger.clientDropped())),
    rows: [...rows.values()],
  };
}

function added(a: LedgerRow, b: LedgerRow): LedgerRow {
  return {
    source: a.source,
    sink: a.sink,
    accepted: a.accepted + b.accepted,
    delivered: a.delivered + b.delivered,
    deadLettered: a.deadLettered + b.deadLettered,
    dropped: sumByName([new Map(Object.entries(a.dropped)), new Map(Object.entries(b.dropped))]),
    held: a.held + b.held,
  };
}

function sumByReason(counts: readonly EventsByReason[]): EventsByReason {
  const bySource = new Map<string, Map<string, number>[]>();
  for (const sources of counts) {
    for (const [source, reasons] of Object.entries(sources)) {
      bySource.set(source, [...(bySource.get(source) ?? []), new Map(Object.entries(reasons))]);
    }
  }
  return Object.fromEntries([...bySource].map(([source, reasons]) => [source, sumByName(reasons)]));
}

function sumByName(counts: readonly ReadonlyMap<string, number>[]): Record<string, number> {
  const sums = new Map<string, number>();
  for (const map of counts) for (const [name, events] of map) sums.set(name, (sums.get(name) ?? 0) + events);
  return Object.fromEntries(sums);
}
