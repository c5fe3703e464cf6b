import { figure } from "./figure.ts";
import type { Scrape } from "./metrics-text.ts";
import { traffic, type Workload, workload } from "./workload.ts";

/** What the counters of a running collector tell about its load. */
export interface LiveWorkload {
  readonly seconds: number;
  readonly events: number;
  readonly measured: Partial<Workload>;
  /** What was measured, in words. */
  readonly findings: readonly string[];
  /** What the counters cannot tell, and what stands in for it. */
  readonly unknown: readonly string[];
}

/** Below this share of a core, what the processes do without any events is a good part of their CPU. */
const MOSTLY_IDLE_CORES = 0.1;

/**
 * The load between two scrapes of a collector's metrics, or `undefined` when it accepted
 * nothing in that time. `given` are figures that hold whatever was measured.
 */
export function liveWorkload(before: Scrape, after: Scrape, given: Partial<Workload> = {}): LiveWorkload | undefined {
  const seconds = (after.atMs - before.atMs) / 1_000;
  const rise = (name: string, label = ""): number => after.riseSince(before, name, label);
  const events = rise("millrace_ingest_accepted_events_total");
  const requests = rise("millrace_ingest_requests_total", 'route="events"');
  if (events === 0 || requests === 0 || seconds <= 0) return undefined;

  const cpuSeconds = rise("process_cpu_seconds_total");
  const journalBytes = rise("millrace_journal_written_bytes_total");
  const wireBytes = rise("millrace_ingest_body_wire_bytes_total");
  const open = (before.sum("millrace_ingest_connections") + after.sum("millrace_ingest_connections")) / 2;
  const hasTls = after.has("millrace_tls_certificate_expiry_seconds");
  const rates: Partial<Workload> = {
    eventsPerHour: (events / seconds) * 3_600,
    eventsPerRequest: events / requests,
    wireBytesPerEvent: wireBytes / events,
    eventBytes: (journalBytes > 0 ? journalBytes : wireBytes) / events,
    cpuMicrosPerEvent: (cpuSeconds * 1e6) / events,
    ...(hasTls ? { tlsMicrosPerRequest: 0, handshakeMicros: 0 } : {}),
  };
  const { connectionsPerSecond } = traffic(workload({ ...given, ...rates }));
  const cores = cpuSeconds / seconds;
  return {
    seconds,
    events,
    measured: { ...rates, connectionSeconds: open / connectionsPerSecond },
    findings: [
      `${figure(events / seconds)} events/s in ${figure(requests / seconds)} requests/s`,
      `${figure(wireBytes / events)} B an event as sent, ${figure(journalBytes / events)} B as journalled, framing included`,
      `${figure((cpuSeconds * 1e6) / events)} µs of CPU an event (${figure(cores)} cores, all processes${hasTls ? ", TLS included" : ""})`,
      `${figure(open)} open connections`,
    ],
    unknown: unknownOf(workload({ ...given, ...rates }), { hasTls, cores, hasJournalBytes: journalBytes > 0 }),
  };
}

function unknownOf(
  load: Workload,
  seen: { readonly hasTls: boolean; readonly cores: number; readonly hasJournalBytes: boolean },
): string[] {
  const unknown = [
    `New connections are not counted: ${figure(load.requestsPerConnection)} requests on each are assumed (--requests-per-connection).`,
    `The peak: ${figure(load.peakFactor)} times this rate is assumed (--peak-factor); this is the rate of the time that was measured, not of a month.`,
    `Headers, answers and handshakes: ${figure(load.requestOverheadBytes)}, ${figure(load.answerBytes)} and ${figure(load.handshakeBytes)} B are assumed.`,
    `Compression: ${load.compressionRatio} to 1 is assumed (--compression-ratio).`,
  ];
  if (!seen.hasTls)
    unknown.push(
      `TLS: this collector speaks plain HTTP; ${load.tlsMicrosPerRequest} µs a request and ${load.handshakeMicros} µs a connection are added as measured elsewhere.`,
    );
  if (!seen.hasJournalBytes)
    unknown.push("Bytes of events as delivered: this journal does not count them; those of the requests are taken.");
  if (seen.cores < MOSTLY_IDLE_CORES)
    unknown.push(
      `CPU under load: at ${figure(seen.cores)} cores, a good part is what the processes do without any events, so µs an event is too high.`,
    );
  return unknown;
}
