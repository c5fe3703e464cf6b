import { backoffMs } from "./backoff.ts";
import { showFailure, showLoss, showResults, type TracedEvent } from "./debug-console.ts";
import { Losses, lossQuery, type LossReason } from "./losses.ts";
import { type Outcome, postEvents } from "./post-events.ts";
import { removeStored, StoredQueue } from "./stored-queue.ts";

/**
 * Largest event, and so request. Browsers let requests that may outlive the page hold 64 KiB together
 * (Fetch standard, "inflight keepalive bytes"); the rest is left to what is under way already.
 */
export const MAX_REQUEST_BYTES = 60_000;

/** Of events that wait in this page's memory. */
const MAX_MEMORY_BYTES = 256 * 1024;

/** When a page ends, a request that has been under way for longer may well be lost: its events are kept too. */
const DOUBTFUL_MS = 2_000;

/** For another tab to be done with what is stored, and for asking again while the browser says that it is offline. */
const ASK_AGAIN_MS = 5_000;

/** Timers of more than 24 days end at once. Whoever wakes too early sees it, and waits on. */
const MAX_TIMER_MS = 60 * 60 * 1_000;

export interface DeliveryOptions {
  /** With the key, and without what was lost. */
  readonly url: string;
  readonly maxBatchEvents: number;
  readonly maxBatchBytes: number;
  readonly maxBatchAgeMs: number;
  readonly maxStoredBytes: number;
  readonly maxStoredAgeMs: number;
  readonly debug: boolean;
}

export interface QueuedEvent extends TracedEvent {
  readonly bytes: number;
}

interface Sending {
  readonly batch: readonly QueuedEvent[];
  readonly startedMs: number;
  stored: boolean;
}

/**
 * Takes events to the collector: from memory, batch by batch; what cannot be sent is stored, and sent from there
 * by one tab at a time.
 *
 * States: off (events wait in memory, and nothing is stored or sent); on; off again for good, after `forget`.
 */
export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #losses = new Losses();
  readonly #name: string;
  readonly #owner = String(Math.random());
  readonly #sending = new Set<Sending>();
  #pending: QueuedEvent[] = [];
  #pendingBytes = 0;
  /** There while delivery is on. */
  #stored: StoredQueue | undefined;
  /** False when it is known that nothing is stored. */
  #mayHaveStored = true;
  #working: Promise<void> | undefined;
  /** True while this tab sends what is stored, or waits for another one to be done: new events do not wait for that. */
  #isSendingStored = false;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #timerDueMs = 0;
  #failures = 0;
  #retryAtMs = 0;
  /** By Retry-After: holds whatever else happens. */
  #toldAtMs = 0;
  /** Before it, what is stored is left to another tab. */
  #askAgainAtMs = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
    this.#name = `millrace ${options.url}`;
  }

  start(): void {
    this.#stored ??= new StoredQueue(this.#name, this.#options.maxStoredBytes);
    this.#schedule(0);
  }

  add(event: QueuedEvent): void {
    if (event.bytes > MAX_REQUEST_BYTES) return this.lose("too_large");
    if (this.#pendingBytes + event.bytes > MAX_MEMORY_BYTES) return this.lose("queue_full");
    this.#pending.push(event);
    this.#pendingBytes += event.bytes;
    const { maxBatchEvents, maxBatchBytes, maxBatchAgeMs } = this.#options;
    const full = this.#pending.length >= maxBatchEvents || this.#pendingBytes >= maxBatchBytes;
    // Browsers do not always finish storing for a page that ends: what cannot be sent now is stored now.
    this.#schedule(full || this.#isTroubled() ? 0 : maxBatchAgeMs);
  }

  lose(reason: LossReason, events = 1): void {
    this.#losses.count(reason, events);
    if (this.#options.debug) showLoss(reason, events);
  }

  /** Resolves when what was added before is sent, stored, or given up. */
  async flush(): Promise<void> {
    await this.#working;
    await this.#work();
  }

  /** The way to the collector may be open again. */
  wake(): void {
    this.#failures = 0;
    this.#retryAtMs = this.#toldAtMs;
    this.#schedule(0);
  }

  /**
   * Hands over all events within this turn, since there may be no other.
   *
   * @param gone the page is being unloaded: nobody will hear the answers
   */
  leave(gone: boolean): void {
    if (this.#stored === undefined) return;
    for (const sending of this.#sending) {
      if (!gone || sending.stored || Date.now() - sending.startedMs < DOUBTFUL_MS) continue;
      sending.stored = true;
      void this.#keep(sending.batch, true);
    }
    for (let batch = this.#takeBatch(); batch.length > 0; batch = this.#takeBatch()) {
      if (this.#isTroubled()) void this.#keep(batch, true);
      else if (!gone || !("sendBeacon" in navigator)) void this.#send(batch);
      else if (!this.#beacon(batch)) void this.#keep(batch, true);
    }
  }

  /** Forgets what waits, here and in the browser's storage. */
  forget(): void {
    clearTimeout(this.#timer);
    this.#pending = [];
    this.#pendingBytes = 0;
    if (this.#stored === undefined) removeStored(this.#name);
    else this.#stored.destroy();
    this.#stored = undefined;
  }

  async close(): Promise<void> {
    await this.flush();
    clearTimeout(this.#timer);
    this.#stored?.close();
    this.#stored = undefined;
  }

  #work(): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#working ??= this.#run()
      // Nothing of it throws but a browser that is out of order, and the page must not notice.
      .catch(() => {})
      .finally(() => {
        this.#working = undefined;
        void this.#sendStored();
        this.#rest();
      });
    return this.#working;
  }

  async #run(): Promise<void> {
    // What comes meanwhile waits for its own time, or else each event would go alone.
    for (let left = this.#pending.length; left > 0 && this.#stored !== undefined;) {
      const batch = this.#takeBatch();
      if (batch.length === 0) break;
      left -= batch.length;
      if (this.#isTroubled()) await this.#keep(batch);
      else await this.#send(batch);
    }
  }

  #rest(): void {
    if (this.#pending.length > 0) this.#schedule(this.#options.maxBatchAgeMs);
    if (!this.#mayHaveStored || this.#isSendingStored) return;
    const waitMs = !navigator.onLine ? ASK_AGAIN_MS : 0;
    this.#schedule(Math.max(waitMs, Math.max(this.#retryAtMs, this.#askAgainAtMs) - Date.now()));
  }

  #schedule(inMs: number): void {
    const dueMs = Date.now() + inMs;
    if (this.#stored === undefined || (this.#timer !== undefined && this.#timerDueMs <= dueMs)) return;
    clearTimeout(this.#timer);
    this.#timerDueMs = dueMs;
    this.#timer = setTimeout(() => void this.#work(), Math.min(inMs, MAX_TIMER_MS));
  }

  #isTroubled(): boolean {
    return !navigator.onLine || Date.now() < this.#retryAtMs;
  }

  #takeBatch(): readonly QueuedEvent[] {
    const { maxBatchEvents, maxBatchBytes } = this.#options;
    let events = 0;
    let bytes = 0;
    for (const event of this.#pending) {
      if (events >= maxBatchEvents || (events > 0 && bytes + event.bytes > maxBatchBytes)) break;
      events++;
      bytes += event.bytes;
    }
    this.#pendingBytes -= bytes;
    return this.#pending.splice(0, events);
  }

  async #send(batch: readonly QueuedEvent[]): Promise<void> {
    const sending: Sending = { batch, startedMs: Date.now(), stored: false };
    this.#sending.add(sending);
    const left = await this.#deliver(batch, true);
    this.#sending.delete(sending);
    if (left.length > 0 && !sending.stored) await this.#keep(left);
  }

  /** Returns what is to be sent again. What will never be taken is counted. */
  async #deliver<Sent extends TracedEvent>(events: readonly Sent[], keepalive: boolean): Promise<readonly Sent[]> {
    const { kind, results } = await this.#post(textsOf(events), keepalive);
    if (this.#options.debug) showResults(events, results);
    if (kind === "retry") return events;
    if (kind === "split" && events.length > 1) {
      const middle = events.length >> 1;
      const first = await this.#deliver(events.slice(0, middle), keepalive);
      return [...first, ...(await this.#deliver(events.slice(middle), keepalive))];
    }
    if (kind !== "taken") this.lose(kind === "split" ? "too_large" : kind, events.length);
    return [];
  }

  #beacon(batch: readonly QueuedEvent[]): boolean {
    const losses = this.#losses.take();
    const sent = navigator.sendBeacon(this.#options.url + lossQuery(losses), `[${textsOf(batch).join(",")}]`);
    if (!sent) this.#losses.giveBack(losses);
    return sent;
  }

  async #post(events: readonly string[], keepalive: boolean): Promise<Outcome> {
    const { url, debug } = this.#options;
    const losses = this.#losses.take();
    const outcome = await postEvents(url + lossQuery(losses), events, { keepalive, withResults: debug });
    if (outcome.kind === "taken") this.#failures = 0;
    else {
      this.#losses.giveBack(losses);
      if (debug) showFailure(outcome.detail);
    }
    if (outcome.kind !== "retry") return outcome;
    this.#toldAtMs = Date.now() + outcome.notBeforeMs;
    this.#retryAtMs = Math.max(this.#toldAtMs, Date.now() + backoffMs(++this.#failures, Math.random()));
    return outcome;
  }

  async #keep(batch: readonly QueuedEvent[], force = false): Promise<void> {
    const bytes = batch.reduce((sum, event) => sum + event.bytes, 0);
    this.#mayHaveStored = true;
    const kept = await this.#stored?.add(textsOf(batch), bytes, Date.now(), force);
    if (kept === false) this.lose("queue_full", batch.length);
    if (force) this.#rest();
  }

  async #sendStored(): Promise<void> {
    const stored = this.#stored;
    if (stored === undefined || this.#isSendingStored || !this.#mayHaveStored) return;
    if (this.#isTroubled() || Date.now() < this.#askAgainAtMs) return;
    this.#isSendingStored = true;
    let wasFree = false;
    try {
      wasFree = await stored.exclusively(this.#owner, async () => {
        while (this.#stored === stored && !this.#isTroubled() && (await this.#sendOldest(stored)));
      });
    } catch {
      // As when another tab is at it: asked again later.
    }
    this.#isSendingStored = false;
    // Whichever tab has the queue may die with it.
    if (!wasFree) this.#askAgainAtMs = Date.now() + ASK_AGAIN_MS;
    this.#rest();
  }

  /** Returns false when nothing is left that could be sent now. */
  async #sendOldest(stored: StoredQueue): Promise<boolean> {
    const { maxBatchEvents, maxBatchBytes, maxStoredAgeMs } = this.#options;
    const chunks = await stored.oldest(maxBatchEvents, maxBatchBytes);
    const [oldest] = chunks;
    if (oldest === undefined) {
      this.#mayHaveStored = false;
      return false;
    }
    const fresh = chunks.filter(({ key }) => Date.now() - key[0] <= maxStoredAgeMs);
    const old = chunks.filter((chunk) => !fresh.includes(chunk));
    const events = fresh.flatMap((chunk) => chunk.events.map((text) => ({ text, stack: undefined })));
    // Not with what outlives the page: nobody would remove the chunks, and they would be sent twice for certain.
    const left = events.length > 0 ? await this.#deliver(events, false) : [];
    const isStuck = left.length > 0 && left.length === events.length;
    if (left.length > 0 && !isStuck) await stored.add(textsOf(left), textsOf(left).join().length, oldest.key[0], true);
    if (old.length > 0) this.lose("expired", old.flatMap((chunk) => chunk.events).length);
    await stored.remove(isStuck ? old : chunks);
    return !isStuck;
  }
}

function textsOf(batch: readonly TracedEvent[]): string[] {
  return batch.map(({ text }) => text);
}
