import { idOf } from "./chaos-event.ts";
import { type Level, type Oracle, perLevel, type SentEvent } from "./oracle.ts";
import type { Redelivery } from "./sink-record.ts";

/** What excuses the loss of an event acknowledged as received. */
const RECEIVED_EXCUSES = ["worker_end", "disk", "refused"] as const;

type ReceivedExcuse = (typeof RECEIVED_EXCUSES)[number];

/** A time in which a fault was going on that excuses something. */
export interface Excuse {
  /**
   * `worker_end`: a worker died, so what was only in its memory is gone. Its time is that of the signal.
   * `disk`: the journal could not be written. `refused`: the journal took nothing, as others were told,
   * and a received event may find that out after its answer. `process`: a worker was disturbed in any way.
   * `sink`: the stream did not work, so its answers may not have arrived.
   */
  readonly kind: ReceivedExcuse | "process" | "sink";
  readonly fromMs: number;
  readonly toMs: number;
}

/** The ledger of the collector, as its admin port shows it. */
export interface LedgerReply {
  readonly balanced: boolean;
  readonly accepted: Readonly<Record<string, number>>;
  readonly quarantined: Readonly<Record<string, number>>;
  readonly rows: readonly {
    readonly source: string;
    readonly sink: string;
    readonly accepted: number;
    readonly delivered: number;
    readonly deadLettered: number;
    readonly dropped: Readonly<Record<string, number>>;
    readonly held: number;
  }[];
}

/** Why an event is in the stream more than once. */
export const DUPLICATE_CAUSES = {
  resent: "the sender got no answer and sent it again",
  reply_lost: "the stream stored it and its answer was lost",
  worker_disturbed: "a worker ended or was stopped before its cursor was saved",
  unexplained: "none of these",
} as const;

export type DuplicateCause = keyof typeof DUPLICATE_CAUSES;

export interface Losses {
  readonly events: number;
  /** Of those, what the level does not promise: only at `received`. */
  readonly excused: Readonly<Record<ReceivedExcuse, number>>;
  /** Ids of the first few that are not excused. */
  readonly ids: readonly string[];
}

export interface Verdict {
  readonly acknowledged: Readonly<Record<Level, number>>;
  readonly lost: Readonly<Record<Level, Losses>>;
  readonly duplicates: Readonly<Record<DuplicateCause, number>>;
}

/** How long an event at `received` may be in memory only. */
const IN_MEMORY_MS = 500;
/** How much later than it arrived a sender that is busy may have read an answer. */
const READ_LATE_MS = 100;

const MAX_IDS = 10;

/**
 * Judges what cannot be judged before all is over, and adds what is wrong to the oracle's violations.
 *
 * Must hold under every fault: each event acknowledged as accepted, durable or delivered is in
 * each sink, unchanged; the journal took it at most as often as it was sent; one acknowledged as
 * delivered was in both streams by then. At received, only what was acknowledged right before the
 * death of a worker, or while the journal could not take it, may be missing.
 */
export function judge(oracle: Oracle, excuses: readonly Excuse[]): Verdict {
  const acknowledged: Record<Level, number> = perLevel(() => 0);
  const lost = perLevel(() => new LostEvents());
  for (const [seq, event] of oracle.events()) {
    const { level } = event;
    checkPlaces(oracle, seq, event);
    if (level === undefined) continue;
    acknowledged[level]++;
    checkDelivered(oracle, seq, event);
    const missing = oracle.sinks.filter((sink) => !sink.has(seq)).map(({ name }) => name);
    if (missing.length === 0) continue;
    const losses = lost[level];
    losses.events++;
    const excuse = level === "received" ? excuseFor(event, excuses) : undefined;
    if (excuse !== undefined) {
      losses.excused[excuse]++;
      continue;
    }
    if (losses.ids.length < MAX_IDS) losses.ids.push(idOf(seq));
    oracle.violation("lost", `${idOf(seq)}, acknowledged as ${level}, is not in ${missing.join(" and ")}`);
  }
  comparePlaces(oracle);
  return { acknowledged, lost, duplicates: duplicatesIn(oracle, excuses) };
}

/** Compares the ledger, once nothing is held any more, with what each sink stored. */
export function compareLedger(oracle: Oracle, ledger: LedgerReply, source: string): void {
  const disagree = (what: string): void => oracle.violation("ledger_disagrees", what);
  if (!ledger.balanced) disagree("it does not balance");
  for (const sink of oracle.sinks) {
    const row = ledger.rows.find((each) => each.source === source && each.sink === sink.name);
    const stored = sink.places;
    if (row === undefined) {
      if (stored > 0) disagree(`it has no row for ${sink.name}, which has ${stored} events`);
      continue;
    }
    const dropped = Object.values(row.dropped).reduce((sum, events) => sum + events, 0);
    if (row.accepted !== stored) disagree(`${row.accepted} accepted for ${sink.name}, which has ${stored}`);
    if (row.delivered !== stored) disagree(`${row.delivered} delivered to ${sink.name}, which has ${stored}`);
    if (row.deadLettered > 0)
      disagree(`${row.deadLettered} dead-lettered by ${sink.name}, which refused none for good`);
    if (dropped > 0) disagree(`${dropped} dropped for ${sink.name}: ${JSON.stringify(row.dropped)}`);
    if (row.held !== 0) disagree(`${row.held} still held for ${sink.name}`);
  }
}

function checkPlaces(oracle: Oracle, seq: number, { attempts }: SentEvent): void {
  for (const sink of oracle.sinks) {
    const places = sink.placesOf(seq);
    if (places > attempts) {
      oracle.violation("stored_too_often", `${idOf(seq)}: sent ${attempts} times, ${places} times in ${sink.name}`);
    }
  }
}

function checkDelivered(oracle: Oracle, seq: number, { level, ackedMs }: SentEvent): void {
  if (level !== "delivered") return;
  // When something came into a file is not known, so that there are two streams: who waits for one sink is found out.
  for (const sink of [oracle.stream, oracle.second]) {
    const firstMs = sink.firstMs(seq);
    if (firstMs === undefined || firstMs <= ackedMs) continue;
    oracle.violation(
      "delivered_too_early",
      `${idOf(seq)}: ${sink.name} had it ${(firstMs - ackedMs).toFixed(1)} ms later`,
    );
  }
}

/** Whatever was read from the journal has to come to every sink, acknowledged or not. */
function comparePlaces(oracle: Oracle): void {
  for (const sink of oracle.sinks) {
    const lacking = oracle.places.size - sink.places;
    if (lacking === 0) continue;
    const example = [...oracle.places].find(([slot, position]) => !sink.hasPlace(slot, position));
    oracle.violation("sinks_differ", `${sink.name} lacks ${lacking}, such as ${example?.join("-")}`, lacking);
  }
}

class LostEvents implements Losses {
  events = 0;
  readonly excused = { worker_end: 0, disk: 0, refused: 0 };
  readonly ids: string[] = [];
}

/**
 * What excuses that an event acknowledged as received is lost. The end of a worker goes before the
 * others. A request that began after the harm was done has met others, whatever was going on.
 */
function excuseFor({ sentMs, ackedMs }: SentEvent, excuses: readonly Excuse[]): ReceivedExcuse | undefined {
  return RECEIVED_EXCUSES.find((wanted) =>
    excuses.some(
      ({ kind, fromMs, toMs }) =>
        kind === wanted && ackedMs >= fromMs - IN_MEMORY_MS && sentMs <= toMs && ackedMs <= toMs + READ_LATE_MS,
    ),
  );
}

function duplicatesIn(oracle: Oracle, excuses: readonly Excuse[]): Record<DuplicateCause, number> {
  const counts = { resent: 0, reply_lost: 0, worker_disturbed: 0, unexplained: 0 };
  for (const [seq] of oracle.events()) counts.resent += Math.max(0, oracle.stream.placesOf(seq) - 1);
  for (const redelivery of oracle.stream.redeliveries) counts[causeOf(redelivery, excuses)]++;
  return counts;
}

function causeOf({ first, againMs }: Redelivery, excuses: readonly Excuse[]): DuplicateCause {
  if (!first.told) return "reply_lost";
  const meanwhile = (kind: Excuse["kind"]): boolean =>
    excuses.some((excuse) => excuse.kind === kind && excuse.fromMs <= againMs && excuse.toMs >= first.atMs);
  if (meanwhile("process")) return "worker_disturbed";
  return meanwhile("sink") ? "reply_lost" : "unexplained";
}
