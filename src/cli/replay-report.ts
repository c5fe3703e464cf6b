import type { DryRun } from "../replay/dry-run.ts";
import type { ReplayLedger } from "../replay/replay-ledger.ts";
import { table } from "./table.ts";

/** How the replay to one sink, or through the event port, has ended. */
export interface ReplayOutcome {
  readonly to: string;
  /** To go on with; absent where marks say what is left. */
  readonly run?: string;
  readonly isThrough: boolean;
  readonly ledger: ReplayLedger;
  /** Delivered to the event port, and kept out of the journal by a rule of the source. */
  readonly keptOut?: Readonly<Record<string, number>>;
  readonly problems: readonly string[];
}

/** The ledger of a replay, for people. */
export function replayText({ to, run, isThrough, ledger, keptOut = {}, problems }: ReplayOutcome): string {
  const { read, delivered, refused, skipped, notSent } = ledger;
  const refusedAs = to === EVENT_PORT ? "still invalid" : "dead-lettered";
  const sum = delivered + total(refused) + total(skipped) + notSent;
  const rows = [
    ["read", String(read)],
    ["delivered", withReasons(delivered, keptOut, "kept out by rules of the source")],
    [refusedAs, withReasons(total(refused), refused)],
    ["skipped", withReasons(total(skipped), skipped)],
    ["not sent", String(notSent)],
  ];
  const verdict = sum === read ? "the ledger balances" : "THE LEDGER DOES NOT BALANCE";
  const done = isThrough ? `Replayed to ${to}` : `Replayed a part to ${to}`;
  const lines = [`${done}; ${verdict}.`, table(rows), ...problems.map((problem) => `Problem: ${problem}`)];
  if (!isThrough) {
    const next =
      run === undefined ? "Run the same command again to go on" : `Go on with: millrace replay --resume ${run}`;
    lines.push(`Stopped before it was through. ${next}.`);
  }
  return lines.join("\n");
}

export const EVENT_PORT = "the event port";

/** What a replay would do, for people. */
export function dryRunText(to: string, run: DryRun): string {
  const { read, wouldSend, skipped, byType, bySource, byDay, invalid, edited, samples, editFailures, problems } = run;
  const lines = [
    `Dry run: nothing was sent to ${to}.`,
    table([
      ["read", String(read)],
      ["would be sent", String(wouldSend)],
      ...(invalid === undefined ? [] : [["still invalid", withReasons(total(invalid), invalid)]]),
      ["skipped", withReasons(total(skipped), skipped)],
    ]),
  ];
  if (invalid !== undefined) lines.push("What is valid is judged by the schemas of the configuration.");
  for (const [what, counts] of [
    ["type", byType],
    ["source", bySource],
    ["day", byDay],
  ] as const) {
    const rows = Object.entries(counts).toSorted(([, a], [, b]) => b - a);
    if (rows.length > 0)
      lines.push(`By ${what}:`, table(rows.map(([name, events]) => [printable(name), String(events)])));
  }
  if (edited > 0) lines.push(`${edited} would be edited, such as:`);
  for (const { before, after } of samples)
    lines.push(`  before  ${printable(before)}`, `  after   ${printable(after)}`);
  if (editFailures.length > 0) lines.push("Rules could not be applied, such as:");
  for (const { id, reason } of editFailures) lines.push(`  ${printable(id)}  ${printable(reason)}`);
  lines.push(...problems.map((problem) => `Problem: ${problem}`));
  return lines.join("\n");
}

function withReasons(events: number, reasons: Readonly<Record<string, number>>, what = ""): string {
  const parts = Object.entries(reasons).map(([reason, count]) => `${count} ${reason}`);
  if (parts.length === 0) return String(events);
  return `${events}  (${what === "" ? "" : `${what}: `}${parts.join(", ")})`;
}

export function total(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((sum, events) => sum + events, 0);
}

/** What senders wrote, without what a terminal would obey. */
export function printable(text: string): string {
  return text.replaceAll(
    /[\p{Cc}\p{Cf}\u2028\u2029]/gu,
    (character) => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`,
  );
}
