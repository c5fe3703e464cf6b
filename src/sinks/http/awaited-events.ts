import type { Clock } from "../../core/clock.ts";
import type { CollectedEvent, Position } from "../../core/event.ts";
import type { Batch, Fate } from "../../core/sink.ts";
import type { CallResult } from "../../outbound/http-client.ts";
import { isObject, parseJsonObject } from "../../outbound/json-reply.ts";
import { quotable } from "../../outbound/quotable.ts";
import { type Awaited, nodeOf } from "./response.ts";

/** Most receipts that are kept. The pipeline holds far fewer events at a time; past it the oldest are sent again. */
const MAX_RECEIPTS = 200_000;

/** Most receipts that are asked about at once: what `GET /v1/receipts/ID?events=` takes. */
const MAX_ASKED = 1_000;

const NOT_YET = "the receiver has accepted it, and its sinks do not have it yet";
const CANNOT_ASK = "the receiver has accepted it, and cannot be asked what became of it";
const ADVICE = "see that GET /v1/receipts reaches it with millrace.key";
const OTHER_NODE =
  "the receiver has accepted it, and another one answers for it; it is sent again (let url lead to one node, not to several)";
const LOST = "the receiver has accepted it, and its journal has lost it; it is sent again";
const UNKNOWN = "the receiver has accepted it, and does not know its own receipt any more; it is sent again";

export interface AwaitedOptions {
  /** Asks the receiver about the receipts up to and including `last`. */
  readonly ask: (last: string, events: number, signal: AbortSignal) => Promise<CallResult>;
  readonly clock: Clock;
  readonly pollMs: number;
}

/** What a receipt names, at the node that gave it. */
interface Place {
  readonly node: string | undefined;
  readonly slot: string;
  readonly place: number;
}

/** Receipts that follow each other in one slot of the receiver. */
interface Run {
  readonly node: string | undefined;
  readonly slot: string;
  readonly first: number;
  /** Ours, in the order of their receipts. */
  readonly events: CollectedEvent[];
  /** Why nothing is known of them yet. */
  why: string;
}

/** What the receiver says of a run: `undelivered` has the fate of each event that is final and not delivered. */
type Word =
  | { readonly kind: "settled"; readonly undelivered: ReadonlyMap<string, Fate> }
  | { readonly kind: "pending"; readonly reason: string }
  | { readonly kind: "unknown"; readonly reason: string };

/**
 * The events that another Millrace has accepted, and whose delivery is not told yet.
 *
 * They are kept across writes: a write that was waited for in vain ends as retryable, and the next one with
 * the same events asks again and does not send them again. When the process ends, this is forgotten, and
 * they are sent again.
 */
export class AwaitedEvents {
  readonly #options: AwaitedOptions;
  readonly #receipts = new Map<Position, Place>();

  constructor(options: AwaitedOptions) {
    this.#options = options;
  }

  has({ position }: CollectedEvent): boolean {
    return this.#receipts.has(position);
  }

  add({ position }: CollectedEvent, { receipt, node }: Pick<Awaited, "receipt" | "node">): void {
    if (this.#receipts.size >= MAX_RECEIPTS) {
      const [oldest] = this.#receipts.keys();
      if (oldest !== undefined) this.#receipts.delete(oldest);
    }
    const dash = receipt.lastIndexOf("-");
    this.#receipts.set(position, { node, slot: receipt.slice(0, dash), place: Number(receipt.slice(dash + 1)) });
  }

  /** Asks until all those of a batch that are awaited are settled, or the signal aborts. Their fates, by position. */
  async settle(batch: Batch, signal: AbortSignal): Promise<ReadonlyMap<Position, Fate>> {
    const fates = new Map<Position, Fate>();
    let open = this.#runsOf(batch);
    while (open.length > 0 && !signal.aborted) {
      const pending: Run[] = [];
      for (const run of open) {
        if (!(await this.#settleRun(run, fates, signal))) pending.push(run);
      }
      open = pending;
      if (open.length > 0) await this.#pause(signal);
    }
    for (const { events, why } of open) {
      for (const { position } of events) fates.set(position, { kind: "retryable", reason: why });
    }
    return fates;
  }

  /** False when it is to be asked again. */
  async #settleRun(run: Run, fates: Map<Position, Fate>, signal: AbortSignal): Promise<boolean> {
    const { slot, first, events } = run;
    const result = await this.#options.ask(`${slot}-${first + events.length - 1}`, events.length, signal);
    const word = readWord(result, run);
    if (word.kind === "pending") {
      // What ended the wait says nothing of the receiver.
      if (!signal.aborted) run.why = word.reason;
      return false;
    }
    for (const [index, { position }] of events.entries()) {
      this.#receipts.delete(position);
      if (word.kind === "unknown") {
        fates.set(position, { kind: "retryable", reason: word.reason });
        continue;
      }
      fates.set(position, word.undelivered.get(`${slot}-${first + index}`) ?? { kind: "delivered" });
    }
    return true;
  }

  #runsOf(batch: Batch): Run[] {
    const places: { at: Place; event: CollectedEvent }[] = [];
    for (const event of batch) {
      const at = this.#receipts.get(event.position);
      if (at !== undefined) places.push({ at, event });
    }
    places.sort(({ at: a }, { at: b }) => (keyOf(a) === keyOf(b) ? a.place - b.place : keyOf(a) < keyOf(b) ? -1 : 1));
    const runs: Run[] = [];
    for (const { at, event } of places) {
      const { node, slot, place } = at;
      const last = runs.at(-1);
      const goesOn = last !== undefined && keyOf(last) === keyOf(at) && place === last.first + last.events.length;
      if (goesOn && last.events.length < MAX_ASKED) last.events.push(event);
      else runs.push({ node, slot, first: place, events: [event], why: NOT_YET });
    }
    return runs;
  }

  #pause(signal: AbortSignal): Promise<void> {
    const { clock, pollMs } = this.#options;
    return new Promise((resolve) => {
      if (signal.aborted) return resolve();
      const end = (): void => {
        timer.cancel();
        signal.removeEventListener("abort", end);
        resolve();
      };
      const timer = clock.after(pollMs, end);
      signal.addEventListener("abort", end, { once: true });
    });
  }
}

function keyOf({ node = "", slot }: Pick<Place, "node" | "slot">): string {
  return `${node} ${slot}`;
}

/** What else is answered, or nothing, says nothing of the events: they are asked about again. */
function readWord(result: CallResult, run: Run): Word {
  if (result.kind === "no-reply") return { kind: "pending", reason: `${CANNOT_ASK}: ${result.reason}` };
  const answering = nodeOf(result.headers);
  if (answering !== undefined && run.node !== undefined && answering !== run.node)
    return { kind: "unknown", reason: OTHER_NODE };
  const body = parseJsonObject(result.body);
  if (result.status === 404 && body?.["code"] === "receipt_not_found") return { kind: "unknown", reason: UNKNOWN };
  if (result.status !== 200) return { kind: "pending", reason: `${CANNOT_ASK}: HTTP ${result.status}, ${ADVICE}` };
  if (body?.["delivery"] === "delivered") return { kind: "settled", undelivered: new Map() };
  const undelivered = body?.["delivery"] === "undelivered" ? readUndelivered(body["undelivered"], run) : undefined;
  return undelivered === undefined ? { kind: "pending", reason: NOT_YET } : { kind: "settled", undelivered };
}

/** The fates of those that are listed, by receipt; `undefined` when none is, or others than those of the run. */
function readUndelivered(listed: unknown, { slot, first, events }: Run): ReadonlyMap<string, Fate> | undefined {
  if (!Array.isArray(listed)) return undefined;
  const undelivered = new Map<string, Fate>();
  for (const entry of listed as readonly unknown[]) {
    const { receipt, sink, state } = isObject(entry) ? entry : {};
    if (typeof receipt !== "string") return undefined;
    const where = typeof sink === "string" ? ` ${sink}` : "";
    const refused = quotable(`the receiver's sink${where} refused it: see its dead letters (${receipt})`);
    undelivered.set(
      receipt,
      state === "lost" ? { kind: "retryable", reason: LOST } : { kind: "rejected", reason: refused },
    );
  }
  const ours = events.filter((_, index) => undelivered.has(`${slot}-${first + index}`)).length;
  return ours > 0 && ours === undelivered.size ? undelivered : undefined;
}
