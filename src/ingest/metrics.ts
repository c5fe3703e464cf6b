import { Counter, Gauge, Histogram, type Registry } from "prom-client";
import type { AckLevel, SourceConfig } from "./config.ts";
import type { ProblemCode } from "./problems.ts";
import type { RouteName } from "./router.ts";
import { type Tally, TalliedCounter } from "./tallied-counter.ts";

/** Why a TLS handshake came to nothing; plain_http: the client did not speak TLS at all. */
export type TlsFailure = "timeout" | "gone" | "plain_http" | "refused";

export type IngestMetrics = ReturnType<typeof createIngestMetrics>;

/** What a source's events are counted by. */
export interface SourceCounters {
  readonly received: Tally;
  readonly accepted: Tally;
  readonly quarantined: Counter.Internal;
}

/**
 * The figures of the event port. Labels come from the configuration and from lists in
 * the code, never from a request, so a sender cannot make series.
 */
export function createIngestMetrics(registry: Registry) {
  const registers = [registry];
  const requests = new TalliedCounter({
    name: "millrace_ingest_requests_total",
    help: "Requests answered, by route and status.",
    labelNames: ["route", "status"],
    registers,
  });
  const refused = new Counter({
    name: "millrace_ingest_refused_requests_total",
    help: "Requests refused as a whole, by the problem code of the answer.",
    labelNames: ["reason"],
    registers,
  });
  const received = new TalliedCounter({
    name: "millrace_ingest_received_events_total",
    help: "Events in requests that could be read, valid or not.",
    labelNames: ["source"],
    registers,
  });
  const accepted = new TalliedCounter({
    name: "millrace_ingest_accepted_events_total",
    help: "Events written to the journal.",
    labelNames: ["source"],
    registers,
  });
  const invalid = new Counter({
    name: "millrace_ingest_invalid_events_total",
    help: "Events that failed validation, by the source's validation mode; in mode report they are accepted all the same.",
    labelNames: ["source", "mode"],
    registers,
  });
  const quarantined = new Counter({
    name: "millrace_ingest_quarantined_events_total",
    help: "Invalid events that were set aside in the quarantine.",
    labelNames: ["source"],
    registers,
  });
  const lost = new Counter({
    name: "millrace_ingest_lost_events_total",
    help: "Events answered at ?ack=received that could not be kept after the answer, by reason.",
    labelNames: ["source", "reason"],
    registers,
  });
  const ackSeconds = new Histogram({
    name: "millrace_ingest_ack_seconds",
    help: "Time from a request's header to the answer that its events are taken, by acknowledgement level.",
    labelNames: ["level"],
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10],
    registers,
  });

  const failedHandshakes = new Counter({
    name: "millrace_tls_failed_handshakes_total",
    help: "Connections that did not get through the TLS handshake, by reason: timeout, gone (the client went away), plain_http or refused.",
    labelNames: ["reason"],
    registers,
  });

  const requestCounters = new Map<string, Map<number, Tally>>();
  const sourceCounters = new Map<string, SourceCounters>();
  const ackTimers = new Map<AckLevel, Histogram.Internal<"level">>();

  return {
    /** Made once per route and status; from then on a request costs no look-up of labels. */
    answered(route: RouteName, status: number): void {
      let byStatus = requestCounters.get(route);
      if (byStatus === undefined) requestCounters.set(route, (byStatus = new Map()));
      let counter = byStatus.get(status);
      if (counter === undefined) byStatus.set(status, (counter = requests.tally(route, String(status))));
      counter.inc();
    },
    refused(code: ProblemCode): void {
      refused.inc({ reason: code });
    },
    of(source: string): SourceCounters {
      let counters = sourceCounters.get(source);
      if (counters === undefined) {
        counters = {
          received: received.tally(source),
          accepted: accepted.tally(source),
          quarantined: quarantined.labels(source),
        };
        sourceCounters.set(source, counters);
      }
      return counters;
    },
    invalid(source: string, mode: SourceConfig["validation"], events: number): void {
      invalid.inc({ source, mode }, events);
    },
    lost(source: string, reason: string, events: number): void {
      lost.inc({ source, reason }, events);
    },
    acknowledged(level: AckLevel, elapsedMs: number): void {
      let timer = ackTimers.get(level);
      if (timer === undefined) ackTimers.set(level, (timer = ackSeconds.labels(level)));
      timer.observe(elapsedMs / 1000);
    },
    quarantineFailures: new Counter({
      name: "millrace_ingest_quarantine_failures_total",
      help: "Invalid events that could not be set aside; their senders were told, unless the level was received.",
      registers,
    }),
    abandoned: new Counter({
      name: "millrace_ingest_abandoned_requests_total",
      help: "Requests whose client went away before their body was complete. Nothing of them is kept.",
      registers,
    }),
    connections: new Gauge({
      name: "millrace_ingest_connections",
      help: "Open connections to the event port.",
      registers,
    }),
    droppedConnections: new Counter({
      name: "millrace_ingest_dropped_connections_total",
      help: "Connections closed at once because http.maxConnections were open.",
      registers,
    }),
    overrunConnections: new Counter({
      name: "millrace_ingest_overrun_connections_total",
      help: "Connections closed because their pipelined requests and unread answers took too much memory.",
      registers,
    }),
    brokenHttp2Connections: new Counter({
      name: "millrace_ingest_broken_http2_connections_total",
      help: "HTTP/2 connections closed because the client flooded them or broke the protocol.",
      registers,
    }),
    failedHandshake(reason: TlsFailure): void {
      failedHandshakes.inc({ reason });
    },
    /** Shows when the TLS certificate expires, read at each scrape. */
    showCertificateExpiry(expires: () => number): Gauge {
      return new Gauge({
        name: "millrace_tls_certificate_expiry_seconds",
        help: "When the TLS certificate in force expires, in Unix time.",
        registers,
        collect() {
          this.set(expires());
        },
      });
    },
    wireBytes: new TalliedCounter({
      name: "millrace_ingest_body_wire_bytes_total",
      help: "Bytes of request bodies as they were sent, compressed or not.",
      registers,
    }).tally(),
    bodyBytes: new TalliedCounter({
      name: "millrace_ingest_body_bytes_total",
      help: "Bytes of request bodies after decompression.",
      registers,
    }).tally(),
    /** Shows the bytes of request bodies held in memory, read at each scrape. */
    showPendingBytes(held: () => number): Gauge {
      return new Gauge({
        name: "millrace_ingest_pending_bytes",
        help: "Bytes of request bodies held in memory, of http.maxPendingBytes.",
        registers,
        collect() {
          this.set(held());
        },
      });
    },
  };
}
