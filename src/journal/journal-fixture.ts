import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { systemClock } from "../core/clock.ts";
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
    head: `{"id":${JSON.stringify(id)},"data":"`,
    body: Buffer.alloc(bodyBytes, "x"),
    tail: `"}`,
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
