import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { type Clock, systemClock, type Timer } from "../core/clock.ts";
import type { CollectedEvent, EventDraft } from "../core/event.ts";
import type { Journal, JournalReader } from "../core/journal.ts";
import { type JournalConfig, journalConfig } from "./config.ts";
import { type OpenJournalOptions, openJournal } from "./open-journal.ts";

/** What the tests of this folder share. */
export const silent = pino({ level: "silent" });

export function testConfig(config: Partial<JournalConfig> = {}): JournalConfig {
  return { ...journalConfig.parse({ dir: "/journal" }), ...config };
}

export function openTestJournal(
  options: Partial<Omit<OpenJournalOptions, "config">> & { config?: Partial<JournalConfig> } = {},
) {
  const { config, ...rest } = options;
  return openJournal({
    slot: "0",
    atLeast: 0,
    neededFrom: 0,
    clock: systemClock,
    log: silent,
    ...rest,
    config: testConfig(config),
  });
}

export function draftOf(id: string, bodyBytes = 100): EventDraft {
  return {
    id,
    type: "page.viewed",
    source: "web",
    receivedMs: 1_764_000_000_000,
    head: Buffer.from(`{"id":${JSON.stringify(id)},"data":"`),
    body: Buffer.alloc(bodyBytes, "x"),
    tail: Buffer.from(`"`),
    closing: "}",
  };
}

/** Everything a reader gets until it has caught up with the journal. Closes it. */
export async function readAll(
  journal: Journal,
  reader: JournalReader,
  maxEvents = 7,
  maxBytes = 5_000,
): Promise<CollectedEvent[]> {
  const events: CollectedEvent[] = [];
  while (reader.position < journal.end) {
    const batch = await reader.read(maxEvents, maxBytes);
    if (batch.length === 0) break;
    events.push(...batch);
  }
  reader.close();
  return events;
}

export function temporaryDirectory(): Disposable & { readonly path: string } {
  const path = mkdtempSync(join(tmpdir(), "millrace-journal-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}

/** A clock that stands still until a test moves it. */
export class ManualClock implements Clock {
  #monotonicMs = 0;
  /** What the wall clock says beyond the monotonic one. */
  wallMs = Date.UTC(2026, 10, 25);
  #timers: { readonly dueMs: number; readonly run: () => void }[] = [];

  nowMs(): number {
    return this.wallMs + this.#monotonicMs;
  }

  monotonicMs(): number {
    return this.#monotonicMs;
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#monotonicMs + delayMs, run };
    this.#timers.push(timer);
    return { cancel: () => (this.#timers = this.#timers.filter((other) => other !== timer)) };
  }

  /** Lets time pass, and what is due happen, with the work it starts. */
  async pass(ms: number): Promise<void> {
    const endMs = this.#monotonicMs + ms;
    for (;;) {
      await settle();
      const due = this.#timers.filter(({ dueMs }) => dueMs <= endMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
      if (due === undefined) break;
      this.#timers = this.#timers.filter((timer) => timer !== due);
      this.#monotonicMs = Math.max(this.#monotonicMs, due.dueMs);
      due.run();
    }
    this.#monotonicMs = endMs;
    await settle();
  }
}

/** Some turns of the event loop: what waits for nothing else is done after them. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 20; turn++) await new Promise(setImmediate);
}
