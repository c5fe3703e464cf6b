import type { AckTime } from "../chaos/ack-times.ts";
import { type Level, LEVELS } from "../chaos/oracle.ts";
import type { Plan } from "../chaos/plan.ts";
import type { StormReport } from "../chaos/report.ts";
import { DUPLICATE_CAUSES } from "../chaos/verdict.ts";
import type { painter } from "./paint.ts";
import { table } from "./table.ts";

/** A plan for people: what comes when. */
export function planText({ seed, calmMs, endMs, faults }: Plan): string {
  const rows = faults.map(({ number, name, atMs, lengthMs }) => [
    String(number),
    `${inSeconds(atMs)} s`,
    name,
    lengthMs === 0 ? "at once" : `for ${inSeconds(lengthMs)} s`,
  ]);
  return [
    `Storm of ${inSeconds(endMs)} s with seed ${seed}, the first ${inSeconds(calmMs)} s calm: ${faults.length} faults`,
    table(rows),
  ].join("\n");
}

/** A storm's report for people. */
export function stormText(report: StormReport, paint: ReturnType<typeof painter>): string {
  const { seed, seconds, workers, faults, events, journalDisk } = report;
  const happened = Object.values(faults.kinds).reduce((sum, times) => sum + times, 0);
  return [
    `Storm of ${Math.round(seconds)} s${report.endedEarly ? " (ended early)" : ""} with seed ${seed} against ${workers} workers: ${happened} faults, ${events.sent} events`,
    "",
    ...section("By level", levelRows(report)),
    ...section("Faults", faultRows(report)),
    `  Disk full: ${journalDisk}.`,
    "",
    ...section("Stored twice in the stream", duplicateRows(report)),
    ...section("Requests that were not acknowledged", requestRows(report)),
    ...section("The collector", collectorRows(report)),
    verdictText(report, paint),
  ].join("\n");
}

function section(title: string, rows: readonly (readonly string[])[]): string[] {
  return rows.length === 0 ? [] : [title, table(rows), ""];
}

function levelRows({ events, ackTimes }: StormReport): string[][] {
  const head = ["level", "acknowledged", "lost", "p50/p99 in calm", "p50/p99 in the storm"];
  const lost = (level: Level): string => {
    const { events: all, excused } = events.lost[level];
    const { worker_end: ended, disk, refused } = excused;
    if (ended + disk + refused === 0) return String(all);
    return `${all} (as it may: ${ended} when workers ended, ${disk} when the disk failed, ${refused} when the journal was full)`;
  };
  return [
    head,
    ...LEVELS.map((level) => [
      level,
      String(events.acknowledged[level]),
      lost(level),
      percentiles(ackTimes.calm[level]),
      percentiles(ackTimes.storm[level]),
    ]),
  ];
}

function percentiles({ answers, p50Ms, p99Ms }: AckTime): string {
  return answers === 0 ? "–" : `${p50Ms.toFixed(1)} / ${p99Ms.toFixed(1)} ms`;
}

function faultRows({ faults, recovery }: StormReport): string[][] {
  const counted = Object.entries(faults.kinds).toSorted(([a], [b]) => a.localeCompare(b));
  const rows = counted.map(([name, times]) => {
    const longest = recovery.longest[name];
    return [name, String(times), recoveryTime(longest?.firstAckMs), recoveryTime(longest?.drainedMs)];
  });
  const skipped = Map.groupBy(
    faults.runs.filter((run) => run.skipped !== undefined),
    (run) => run.skipped,
  );
  for (const [reason, runs] of skipped) rows.push(["skipped", String(runs.length), reason ?? ""]);
  for (const { name, failed } of faults.runs) if (failed !== undefined) rows.push([name, "failed", failed]);
  return [["fault", "times", "longest to the next ack", "longest until all before was delivered"], ...rows];
}

function duplicateRows({ duplicates }: StormReport): string[][] {
  const { resent, reply_lost, worker_disturbed, unexplained } = DUPLICATE_CAUSES;
  return [
    [String(duplicates.resent), resent],
    [String(duplicates.reply_lost), reply_lost],
    [String(duplicates.worker_disturbed), worker_disturbed],
    [String(duplicates.unexplained), unexplained],
  ];
}

function requestRows({ requests }: StormReport): string[][] {
  const rows = Object.entries(requests.refused).map(([status, times]) => [`answered ${status}`, String(times)]);
  return [...rows, ["not answered", String(requests.unanswered)]];
}

function collectorRows({ recovery, starts, peakRssBytes, exitCode, events, ledger }: StormReport): string[][] {
  const { longestSilence: silence } = recovery;
  const stored = Object.entries(events.stored).map(([sink, places]) => `${sink}: ${places}`);
  return [
    ["longest without an acknowledgement", `${inSeconds(silence.ms)} s, from second ${inSeconds(silence.fromMs)} on`],
    [
      "delivered all after the storm in",
      recovery.finalDrainMs === undefined ? "never" : `${inSeconds(recovery.finalDrainMs)} s`,
    ],
    ["starts of the supervisor", String(starts.supervisor)],
    ["restarts of workers seen", String(starts.workerRestartsSeen)],
    ["peak memory of the supervisor", memory(peakRssBytes.supervisor)],
    ["peak memory of a worker", memory(peakRssBytes.worker)],
    [
      "ledger",
      `${ledger.accepted} accepted; ${stored.join(", ")}; ${events.quarantined} quarantined of ${events.invalidSent} invalid`,
    ],
    ["exit code after SIGTERM", String(exitCode)],
  ];
}

function recoveryTime(ms: number | undefined): string {
  return ms === undefined ? "–" : `${inSeconds(ms)} s`;
}

function memory(bytes: number | undefined): string {
  return bytes === undefined ? "not known on this system" : `${Math.round(bytes / 1024 ** 2)} MiB`;
}

function verdictText({ passed, violations, seed, faults }: StormReport, paint: ReturnType<typeof painter>): string {
  if (passed)
    return paint("green", "Nothing acknowledged as accepted, durable or delivered was lost, and the ledger agrees.");
  if (Object.keys(violations).length === 0 && Object.keys(faults.kinds).length === 0)
    return paint("red", "NOTHING WAS TESTED: the storm ended before its first fault.");
  const lines = Object.values(violations).flatMap(({ meaning, events, examples }) => [
    `${paint("red", "BROKEN:")} ${meaning} (${events})`,
    ...examples.map((example) => `  ${example}`),
  ]);
  return [...lines, `The same storm again: --seed ${seed}, with the same --minutes, --rate and --only.`].join("\n");
}

function inSeconds(ms: number): string {
  return (ms / 1_000).toFixed(1);
}
