import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { CollectedEvent } from "../core/event.ts";
import { seededRandom } from "../core/seeded-random.ts";
import type { Batch, Fate, Receipt } from "../core/sink.ts";
import type { Caution } from "./caution.ts";
import { type FakeEvent } from "./testing/fake-journal.ts";
import { Rig } from "./testing/rig.ts";

const EVENTS = 150;

/** Events of all kinds: for the sink, not for it, too large for it, and one that it always refuses. */
const KINDS: readonly FakeEvent[] = [
  { type: "plain" },
  { type: "plain", source: "app" },
  { type: "plain", bytes: Buffer.alloc(300, " ") },
  { type: "large", bytes: Buffer.alloc(501, " ") },
  { type: "poison" },
  { type: "odd" },
  { type: "other" },
];

/** A rig whose sink, journal and dead letters misbehave in every way until they are told to stop. */
class Faults {
  readonly rig: Rig;
  readonly caution: Caution | undefined;
  readonly setAside: ReadonlySet<number>;
  readonly #random: () => number;
  areOver = false;

  constructor(seed: number) {
    this.#random = seededRandom(seed);
    this.caution = this.#someCaution();
    this.setAside = new Set(Array.from({ length: this.#below(2) * 8 }, () => this.#below(EVENTS)));
    this.rig = new Rig({
      ...(this.caution && { caution: this.caution }),
      setAside: this.setAside,
      random: this.#random,
      limits: { maxEvents: 1 + this.#below(20) },
      settings: {
        when: 'type != "other"',
        maxInFlight: 1 + this.#below(4),
        retry: { minDelayMs: 1 + this.#below(200), maxDelayMs: 500, maxAgeMs: this.#below(2) * 3_000 },
      },
    });
    this.rig.sink.answer = (batch, signal) => this.#answer(batch, signal);
    this.rig.journal.readMode = () => {
      const dice = this.#random();
      if (dice < 0.6) return "at once";
      return dice < 0.9 || this.areOver ? "by promise" : "fails";
    };
    this.rig.beforeDeadLetter = async () => {
      await this.#wait(this.#below(20));
      if (!this.areOver && this.#random() < 0.3) throw new Error("disk full");
    };
  }

  #someCaution(): Caution | undefined {
    if (this.#random() < 0.5) return undefined;
    const window = [1, 2, 16][this.#below(3)] ?? 1;
    const onAttempt = (position: number) => {
      this.#noted = position;
    };
    return { window, events: 1 + this.#below(EVENTS), onAttempt };
  }

  /** The event that may be filtered, encoded and sent while the caution holds. */
  #noted: number | undefined;

  /** What was sent though it should not have been. An exception would only be a bug of the sink. */
  readonly #careless: Batch[] = [];

  checkCaution(): void {
    const { rig, caution } = this;
    expect(this.#careless).toEqual([]);
    if (caution === undefined || this.#isLifted()) return;
    const unsettled = rig.journal.read.filter(({ position }) => rig.pipeline.stateOf(position) === "held");
    expect(unsettled.length).toBeLessThanOrEqual(caution.window);
  }

  #isLifted(): boolean {
    const last = this.rig.journal.read[(this.caution?.events ?? 1) - 1];
    return last !== undefined && this.rig.cursor > last.position;
  }

  #below(limit: number): number {
    return Math.floor(this.#random() * limit);
  }

  #wait(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.rig.clock.after(delayMs, resolve));
  }

  writeSome(count: number): void {
    const events = Array.from({ length: count }, () => KINDS[this.#below(KINDS.length)] ?? {});
    if (this.#random() < 0.1) this.rig.lose(1 + this.#below(30));
    this.rig.write(...events);
  }

  nextWrite(): number {
    return 1 + this.#below(30);
  }

  nextPauseMs(): number {
    return this.#below(300);
  }

  async #answer(batch: Batch, signal: AbortSignal): Promise<Receipt> {
    const isNoted = this.caution?.window !== 1 || this.#isLifted();
    const isCareful = isNoted || (batch.length === 1 && batch[0]?.position === this.#noted);
    if (!isCareful || batch.some(({ position }) => this.setAside.has(position))) this.#careless.push(batch);
    await this.#wait(this.#below(200));
    if (batch.some(({ type }) => type === "poison")) return { kind: "refused", reason: "poison" };
    const dice = this.areOver ? 0 : this.#random();
    if (dice < 0.3) return this.#judge(batch, () => ({ kind: "delivered" }));
    if (dice < 0.6) return this.#judge(batch, () => this.#fate());
    if (dice < 0.75) return { kind: "retryable", reason: "busy", retryAfterMs: this.#below(2) * 300 };
    if (dice < 0.8) return { kind: "refused", reason: "whole batch" };
    if (dice < 0.85) throw new Error("bug");
    if (dice < 0.87) return { kind: "partial", fates: [] };
    if (dice < 0.89) return new Promise<Receipt>(() => {});
    await new Promise((resolve) => signal.addEventListener("abort", resolve));
    return dice < 0.95 ? { kind: "retryable", reason: "aborted" } : this.#judge(batch, () => ({ kind: "delivered" }));
  }

  #judge(batch: Batch, fate: (event: CollectedEvent) => Fate): Receipt {
    const rejected: Fate = { kind: "rejected", reason: "odd" };
    return { kind: "partial", fates: batch.map((event) => (event.type === "odd" ? rejected : fate(event))) };
  }

  #fate(): Fate {
    const dice = this.#random();
    if (dice < 0.5) return { kind: "delivered" };
    return dice < 0.95 ? { kind: "retryable", reason: "throttled" } : { kind: "rejected", reason: "unlucky" };
  }
}

/** Checks that no event below the cursor is unaccounted for, and returns the positions with a final outcome. */
function settledPositions({ journal, sink, deadLetters, cursor }: Rig, setAside: ReadonlySet<number>): Set<number> {
  const settled = new Set(sink.taken.keys());
  for (const { position = -1, code } of deadLetters) {
    expect(code === "crashed_worker").toBe(setAside.has(position));
    expect(settled.has(position), `event ${position} has one outcome`).toBe(false);
    settled.add(position);
  }
  for (const { position, type } of journal.events)
    if (type === "other" && !setAside.has(position)) settled.add(position);
  const passed = journal.events.filter(({ position }) => position < cursor);
  expect(passed.filter(({ position }) => !settled.has(position))).toEqual([]);
  for (const times of sink.taken.values()) expect(times).toBe(1);
  return settled;
}

async function runFaults(faults: Faults): Promise<void> {
  const { rig } = faults;
  rig.pipeline.start();
  let cursor = 0;
  for (let written = 0; written < EVENTS;) {
    const count = faults.nextWrite();
    faults.writeSome(count);
    written += count;
    await rig.clock.advance(faults.nextPauseMs());
    faults.checkCaution();
    settledPositions(rig, faults.setAside);
    expect(rig.cursor).toBeGreaterThanOrEqual(cursor);
    cursor = rig.cursor;
  }
}

const seeds = fc.integer({ min: 0, max: 2 ** 31 });

test("whatever a sink does, each event has one outcome, the cursor passes no other, and all end once it behaves", async () => {
  await fc.assert(
    fc.asyncProperty(seeds, async (seed) => {
      const faults = new Faults(seed);
      const { rig } = faults;
      await runFaults(faults);
      faults.areOver = true;
      // Under caution each event takes some turns of the event loop, and a step of the clock gives it two.
      for (let steps = 0; steps < 600 && rig.cursor < rig.journal.end; steps++) {
        await rig.clock.advance(100);
        faults.checkCaution();
      }
      await rig.clock.advance(1_000);

      expect(rig.cursor).toBe(rig.journal.end);
      expect(settledPositions(rig, faults.setAside).size).toBe(rig.journal.events.length);
      // Writes that never end are in flight for the sink only.
      expect(rig.sink.maxInFlight).toBeLessThanOrEqual(rig.pipeline.settings.maxInFlight + rig.sink.inFlight);
      expect(rig.ledger.balances()).toBe(true);
      expect(rig.ledger.held("fake")).toBe(0);
      const byOutcome = { delivered: 0, deadLettered: 0, filtered: 0 };
      for (const row of rig.ledger.rows()) {
        byOutcome.delivered += row.delivered;
        byOutcome.deadLettered += row.deadLettered;
        byOutcome.filtered += row.dropped["filtered"] ?? 0;
      }
      expect(byOutcome).toEqual({
        delivered: rig.sink.taken.size,
        deadLettered: rig.deadLetters.length,
        filtered: rig.journal.events.filter(({ type, position }) => type === "other" && !faults.setAside.has(position))
          .length,
      });
      expect(rig.pipeline.health().lagEvents).toBe(0);
      await rig.pipeline.stop();
      expect(rig.clock.pendingTimers).toBe(0);
    }),
    { numRuns: 100 },
  );
});

test("whatever a sink does, a drain ends by its deadline and tells what is held, and nothing moves after", async () => {
  await fc.assert(
    fc.asyncProperty(seeds, fc.nat(3_000), async (seed, deadlineMs) => {
      const faults = new Faults(seed);
      const { rig } = faults;
      await runFaults(faults);
      const drained = rig.pipeline.drain(deadlineMs);
      await rig.clock.advance(deadlineMs);
      const held = await drained;
      settledPositions(rig, faults.setAside);
      expect(rig.sink.closed).toBe(1);
      const positions = Array.from({ length: rig.journal.end }, (_, position) => position);
      expect(positions.filter((position) => rig.pipeline.stateOf(position) === "held")).toHaveLength(held);
      const cursor = rig.cursor;
      faults.areOver = true;
      await rig.clock.advance(60_000);
      expect(rig.cursor).toBe(cursor);
    }),
    { numRuns: 50 },
  );
});
