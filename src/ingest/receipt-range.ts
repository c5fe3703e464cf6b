import type { Deliveries, SinkStatus, SlotStatus } from "../core/deliveries.ts";
import type { Problem } from "./problems.ts";
import { parseReceiptId, receiptId } from "./receipt-id.ts";
import { describeUnknown, MALFORMED_RECEIPT } from "./receipts.ts";

/** Most events that are asked about at once: each that is in another slot is a question to another process. */
const MAX_EVENTS = 1_000;

/** What `GET /v1/receipts/{id}?events=N` tells of the N events up to and including the receipt's. */
export interface ReceiptRangeView {
  readonly id: string;
  readonly events: number;
  /** `pending`: a required sink does not have all of them yet, and no more was looked at. */
  readonly delivery: "pending" | "delivered" | "undelivered";
  /** With `undelivered`: those that a required sink refused for good, and those that the journal lost. */
  readonly undelivered?: readonly {
    readonly receipt: string;
    readonly sink: string;
    readonly state: "dead-lettered" | "lost";
  }[];
}

/** The parameter `events` of a request target; `undefined` when it is not there. */
export function eventsParameter(target: string): number | Problem | undefined {
  const found = /[?&]events=([^&]*)/.exec(target);
  if (found === null) return undefined;
  const events = /^[1-9]\d{0,3}$/.test(found[1] ?? "") ? Number(found[1]) : Number.NaN;
  if (events <= MAX_EVENTS) return events;
  return { code: "query_invalid", detail: `The query parameter events is a number from 1 to ${MAX_EVENTS}.` };
}

/** What became of the events of a request, for who has sent it and knows the receipt of its last event. */
export async function findReceipts(
  id: string,
  events: number,
  slot: string,
  deliveries: Deliveries,
): Promise<ReceiptRangeView | Problem> {
  const last = parseReceiptId(id);
  const first = last === undefined ? -1 : last.position - events + 1;
  if (last === undefined || first < 0) return MALFORMED_RECEIPT;
  const undelivered: { receipt: string; sink: string; state: "dead-lettered" | "lost" }[] = [];
  for (let position = first; position <= last.position; position++) {
    const status = await statusOf(last.slot, position, slot, deliveries);
    if (status.kind !== "known") return describeUnknown(status);
    for (const { sink, state } of decisive(status.sinks)) {
      if (state === "held") return { id: receiptId(last.slot, last.position), events, delivery: "pending" };
      if (state !== "dead-lettered" && state !== "lost") continue;
      undelivered.push({ receipt: receiptId(last.slot, position), sink, state });
      break;
    }
  }
  const delivery = undelivered.length === 0 ? "delivered" : "undelivered";
  return {
    id: receiptId(last.slot, last.position),
    events,
    delivery,
    ...(undelivered.length > 0 && { undelivered }),
  };
}

function statusOf(
  slot: string,
  position: number,
  own: string,
  deliveries: Deliveries,
): SlotStatus | Promise<SlotStatus> {
  if (slot !== own) return deliveries.statusIn(slot, position);
  const sinks = deliveries.statusOf(position);
  return sinks === undefined ? { kind: "unused" } : { kind: "known", sinks };
}

/** The required sinks, or all when none is. */
function decisive(sinks: readonly SinkStatus[]): readonly SinkStatus[] {
  const required = sinks.filter((sink) => sink.required);
  return required.length > 0 ? required : sinks;
}
