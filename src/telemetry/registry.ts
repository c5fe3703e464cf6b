import { collectDefaultMetrics, Counter, Gauge, Registry } from "prom-client";
import type { Journal } from "../core/journal.ts";
import type { Ledger } from "../core/ledger.ts";

/**
 * A registry with the process's own figures: CPU, RSS, heap, event-loop delay, garbage
 * collection. All its series carry the label `worker`, by which the processes of a node differ.
 */
export function createRegistry(worker: string): Registry {
  const registry = new Registry();
  registry.setDefaultLabels({ worker });
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 10 });
  return registry;
}

/** Shows the ledger and the journal, read at each scrape, so that they cost the path of an event nothing. */
export function registerLedgerMetrics(registry: Registry, ledger: Ledger, journal: Journal): void {
  const registers = [registry];
  const bySink = ["source", "sink"];
  const settled = {
    delivered: new Counter({
      name: "millrace_ledger_delivered_total",
      help: "Events a sink has taken, counted when its cursor has passed them.",
      labelNames: bySink,
      registers,
    }),
    deadLettered: new Counter({
      name: "millrace_ledger_dead_lettered_total",
      help: "Events a sink refused for good, kept in the dead letters.",
      labelNames: bySink,
      registers,
    }),
    dropped: new Counter({
      name: "millrace_ledger_dropped_total",
      help: "Events given up, by reason.",
      labelNames: [...bySink, "reason"],
      registers,
    }),
  };
  const held = new Gauge({
    name: "millrace_ledger_held_events",
    help: "Events accepted and not yet settled at a sink.",
    labelNames: bySink,
    registers,
  });
  new Counter({
    name: "millrace_ledger_accepted_total",
    help: "Events written to the journal, kept across restarts.",
    labelNames: ["source"],
    registers,
    collect() {
      this.reset();
      for (const [source, events] of ledger.accepted()) this.inc({ source }, events);
      for (const metric of [settled.delivered, settled.deadLettered, settled.dropped, held]) metric.reset();
      for (const { source, sink, ...row } of ledger.rows()) {
        settled.delivered.inc({ source, sink }, row.delivered);
        settled.deadLettered.inc({ source, sink }, row.deadLettered);
        for (const [reason, events] of Object.entries(row.dropped))
          settled.dropped.inc({ source, sink, reason }, events);
        held.set({ source, sink }, row.held);
      }
    },
  });
  new Counter({
    name: "millrace_ledger_quarantined_total",
    help: "Events that failed validation and were set aside.",
    labelNames: ["source"],
    registers,
    collect() {
      this.reset();
      for (const [source, events] of ledger.quarantined()) this.inc({ source }, events);
    },
  });
  new Counter({
    name: "millrace_ledger_filtered_total",
    help: "Events answered as accepted and kept out of the journal by a rule of their source, by reason: bot, sampled or duplicate.",
    labelNames: ["source", "reason"],
    registers,
    collect() {
      this.reset();
      for (const [source, reasons] of Object.entries(ledger.filtered()))
        for (const [reason, events] of Object.entries(reasons)) this.inc({ source, reason }, events);
    },
  });
  new Counter({
    name: "millrace_client_dropped_events_total",
    help: "Events that clients say they dropped before sending (?dropped=), by the client's reason; at most 32 reasons a source, others as other.",
    labelNames: ["source", "reason"],
    registers,
    collect() {
      this.reset();
      for (const [source, reasons] of Object.entries(ledger.clientDropped()))
        for (const [reason, events] of Object.entries(reasons)) this.inc({ source, reason }, events);
    },
  });
  new Gauge({
    name: "millrace_ledger_balanced",
    help: "1 when accepted = delivered + dead-lettered + dropped + held for every source and sink.",
    registers,
    collect() {
      this.set(ledger.balances() ? 1 : 0);
    },
  });
  new Gauge({
    name: "millrace_journal_held_bytes",
    help: "Bytes the journal holds.",
    registers,
    collect() {
      this.set(journal.heldBytes);
    },
  });
  new Gauge({
    name: "millrace_journal_max_bytes",
    help: "The journal's budget in bytes; at it, senders are answered 429.",
    registers,
    collect() {
      this.set(journal.maxBytes);
    },
  });
}
