import type { MillraceConfig } from "../app/config.ts";
import { formatDuration } from "../core/format-duration.ts";
import { formatBytes } from "../core/config-fields.ts";
import type { Durability } from "../core/journal.ts";

type AckLevel = MillraceConfig["sources"][number]["ack"];

/** What one level of acknowledgement is worth under a configuration. */
interface AckWorth {
  readonly level: AckLevel;
  /** What holds when the sender reads 2xx. */
  readonly means: string;
  /** What can still take the event away after that. */
  readonly lostIf: string;
  /** Sources that use this level unless a request asks for another. */
  readonly defaultOf: readonly string[];
}

export interface LossBudget {
  readonly acks: readonly AckWorth[];
  /** What else can keep an acknowledged event from a sink, or from being kept. */
  readonly notes: readonly string[];
}

/** What a configuration promises for each level of acknowledgement, and what it can lose. */
export function lossBudget(config: MillraceConfig): LossBudget {
  const worth = {
    received: {
      means: "the event was read and admitted; if it is not valid it goes to the quarantine, not back to the sender",
      lostIf: `the process dies within a few milliseconds, at most ${formatBytes(config.http.maxPendingBytes)} of them per worker; after that, as accepted`,
    },
    accepted: { means: ACCEPTED_MEANS[config.journal.durability], lostIf: acceptedLostIf(config.journal) },
    durable: durableWorth(config.journal.durability),
    delivered: deliveredWorth(config),
  };
  const levels: AckLevel[] = ["received", "accepted", "durable", "delivered"];
  const acks = levels.map((level) => ({
    level,
    ...worth[level],
    defaultOf: config.sources.filter((source) => source.ack === level).map((source) => source.name),
  }));
  return { acks, notes: notesOf(config) };
}

const ACCEPTED_MEANS: Readonly<Record<Durability, string>> = {
  memory: "validated, and held in memory",
  os: "validated, and written to the journal",
  disk: "validated, written to the journal, and synced to the disk",
};

const SURVIVES_UNTIL_THE_DISK_DIES = "the disk dies before every sink has it";

function acceptedLostIf({ durability, maxBytes, unsynced }: MillraceConfig["journal"]): string {
  switch (durability) {
    case "memory":
      return `the process ends before every sink has it: at most ${formatBytes(maxBytes)} per worker`;
    case "os":
      return `the machine loses power or its kernel crashes: at most the last ${formatDuration(unsynced.maxMs)} of what was acknowledged, and at most ${formatBytes(unsynced.maxBytes)} of it per worker; kill -9 loses nothing`;
    case "disk":
      return SURVIVES_UNTIL_THE_DISK_DIES;
  }
}

function durableWorth(durability: Durability): { means: string; lostIf: string } {
  if (durability !== "memory") return { means: ACCEPTED_MEANS.disk, lostIf: SURVIVES_UNTIL_THE_DISK_DIES };
  return { means: "never: a journal in memory cannot promise it, so the request is refused", lostIf: "–" };
}

function deliveredWorth(config: MillraceConfig): { means: string; lostIf: string } {
  const required = config.sinks.filter((sink) => sink.required).map((sink) => sink.name);
  if (required.length === 0) return { means: "no more than accepted: no sink is required", lostIf: "as accepted" };
  const sinks = required.length === 1 ? `sink ${required[0]}` : `sinks ${required.join(" and ")}`;
  const has = required.length === 1 ? "has" : "have";
  const patience = formatDuration(config.http.ackTimeoutMs);
  return {
    means: `${sinks} ${has} acknowledged it; after ${patience} without that, the answer is 202 and a receipt`,
    lostIf: `${sinks} ${required.length === 1 ? "loses" : "lose"} it`,
  };
}

function notesOf(config: MillraceConfig): string[] {
  const { journal, sinks, deadLetters } = config;
  const notes = [
    `A sink that is down costs ${journal.durability === "memory" ? "memory" : "disk"}, up to ${formatBytes(journal.maxBytes)} a worker; then senders get 429, and nothing that was acknowledged is lost.`,
  ];
  for (const sink of sinks) {
    if (sink.retry.maxAgeMs === 0) continue;
    notes.push(
      `Sink ${sink.name} gives up on an event after ${formatDuration(sink.retry.maxAgeMs)}; it goes to the dead letters.`,
    );
  }
  notes.push(
    `Dead letters are kept for ${formatDuration(deadLetters.maxAgeMs)} and up to ${formatBytes(deadLetters.maxBytes)}; beyond that the oldest are deleted, and counted.`,
  );
  return notes;
}
