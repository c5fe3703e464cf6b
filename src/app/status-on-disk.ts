import type { SinkStatus, SlotStatus } from "../core/deliveries.ts";
import type { Ledger } from "../core/ledger.ts";
import type { MillraceConfig } from "./config.ts";

/** The fate of an event in a slot that was emptied: only its ledger is left. */
export function statusOnDisk(ledger: Ledger | undefined, position: number, sinks: MillraceConfig["sinks"]): SlotStatus {
  if (ledger === undefined) return { kind: "no_slot" };
  if (position >= ledger.countedTo) return { kind: "unused" };
  const statuses = sinks.map(({ name, required }): SinkStatus => {
    const isSettled = ledger.sinks.includes(name) && position < ledger.cursor(name);
    return { sink: name, required, state: isSettled ? "settled" : "held" };
  });
  return { kind: "known", sinks: statuses };
}
