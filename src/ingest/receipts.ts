import type { Deliveries, SinkState, SinkStatus, SlotStatus } from "../core/deliveries.ts";
import type { Position } from "../core/event.ts";
import type { Problem } from "./problems.ts";
import { parseReceiptId, receiptId } from "./receipt-id.ts";

/** What `GET /v1/receipts/{id}` tells of one event. */
export interface ReceiptView {
  readonly id: string;
  /** Over the required sinks, or over all when none is required. */
  readonly state: SinkState;
  readonly sinks: readonly SinkStatus[];
}

/** What became of the event that a receipt names, on the node that gave the receipt. */
export async function findReceipt(id: string, slot: string, deliveries: Deliveries): Promise<ReceiptView | Problem> {
  const parsed = parseReceiptId(id);
  if (parsed === undefined) return MALFORMED_RECEIPT;
  const { position } = parsed;
  const status =
    parsed.slot === slot ? ownStatus(position, deliveries) : await deliveries.statusIn(parsed.slot, position);
  if (status.kind !== "known") return describeUnknown(status);
  return { id: receiptId(parsed.slot, position), state: overallState(status.sinks), sinks: status.sinks };
}

export const MALFORMED_RECEIPT: Problem = {
  code: "receipt_malformed",
  detail: "A receipt id is <slot>-<position>, such as 0-41, as in the header Millrace-Receipt.",
};

/** Why nothing can be told of a receipt. */
export function describeUnknown({ kind }: Exclude<SlotStatus, { kind: "known" }>): Problem {
  switch (kind) {
    case "unused":
      return { code: "receipt_not_found", detail: UNUSED };
    case "no_slot":
      return { code: "receipt_not_found", detail: NO_SLOT };
    case "no_answer":
      return { code: "receipt_unavailable", detail: NO_ANSWER, retryAfterSeconds: 1 };
  }
}

const UNUSED =
  "The journal has not come to this position: the receipt is from another node, or from a journal that was removed.";
const NO_SLOT =
  "This collector has no such journal slot. Ask the one that gave the receipt; behind a load balancer that may be another.";
const NO_ANSWER = "The worker that keeps this event is being restarted. The event is safe; ask again.";

function ownStatus(position: Position, deliveries: Deliveries): SlotStatus {
  const sinks = deliveries.statusOf(position);
  return sinks === undefined ? { kind: "unused" } : { kind: "known", sinks };
}

// From the least to the most that a sender can hope for; the worst sink decides.
const WORST_FIRST: readonly SinkState[] = ["lost", "dropped", "dead-lettered", "held", "settled", "delivered"];

function overallState(sinks: readonly SinkStatus[]): SinkState {
  const required = sinks.filter((sink) => sink.required);
  const states = new Set((required.length > 0 ? required : sinks).map((sink) => sink.state));
  return WORST_FIRST.find((state) => states.has(state)) ?? "settled";
}

/** How many of a request's events are in which state, sink by sink. */
export function countStates(
  deliveries: Deliveries,
  from: Position,
  count: number,
): { sink: string; required: boolean; events: Partial<Record<SinkState, number>> }[] {
  const bySink = new Map<string, { sink: string; required: boolean; events: Partial<Record<SinkState, number>> }>();
  for (let position = from; position < from + count; position++) {
    for (const { sink, required, state } of deliveries.statusOf(position) ?? []) {
      let counts = bySink.get(sink);
      if (counts === undefined) bySink.set(sink, (counts = { sink, required, events: {} }));
      counts.events[state] = (counts.events[state] ?? 0) + 1;
    }
  }
  return [...bySink.values()];
}
