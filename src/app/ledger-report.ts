import type { EventsByReason } from "../core/ledger.ts";
import type { LedgerSummary } from "../core/ledger-summary.ts";

/** Source and sink; the others are numbers. */
const TEXT_COLUMNS = 2;

/** The ledger as a table for people, printed at exit. */
export function ledgerReport(ledger: LedgerSummary): string {
  const { rows } = ledger;
  const accepted = Object.values(ledger.accepted).reduce((sum, events) => sum + events, 0);
  const quarantined = Object.values(ledger.quarantined).reduce((sum, events) => sum + events, 0);
  const lines = [
    ["source", "sink", "accepted", "delivered", "dead-lettered", "dropped", "held"],
    ...rows.map((row) => [
      row.source,
      row.sink,
      String(row.accepted),
      String(row.delivered),
      String(row.deadLettered),
      droppedText(row.dropped),
      String(row.held),
    ]),
  ];
  const widths = lines[0]?.map((_, column) => Math.max(...lines.map((line) => line[column]?.length ?? 0))) ?? [];
  const table = lines.map((line) =>
    line
      .map((cell, column) =>
        column < TEXT_COLUMNS ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0),
      )
      .join("  ")
      .trimEnd(),
  );
  const verdict = ledger.balanced ? "the ledger balances" : "THE LEDGER DOES NOT BALANCE";
  return [
    `Ledger: ${accepted} accepted, ${quarantined} quarantined; ${verdict}.`,
    ...reasonLines("Filtered by the rules of", ledger.filtered),
    ...reasonLines("Dropped before sending by clients of", ledger.clientDropped),
    ...(ledger.complete
      ? []
      : [`Not the last figures: of ${slotsText(ledger.missing)}, what was known before the end.`]),
    ...(rows.length > 0 ? table : ["No event has been accepted yet."]),
  ].join("\n");
}

function reasonLines(what: string, counts: EventsByReason): string[] {
  return Object.entries(counts).map(([source, reasons]) => `${what} ${source}: ${droppedText(reasons)}.`);
}

function slotsText(slots: readonly string[]): string {
  return `${slots.length === 1 ? "slot" : "slots"} ${slots.join(", ")}`;
}

function droppedText(dropped: Readonly<Record<string, number>>): string {
  const reasons = Object.entries(dropped).filter(([, events]) => events > 0);
  if (reasons.length === 0) return "0";
  return reasons.map(([reason, events]) => `${events} ${reason}`).join(", ");
}
