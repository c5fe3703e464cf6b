import { rm } from "node:fs/promises";
import type { Logger } from "pino";
import { Registry } from "prom-client";
import type { MillraceConfig } from "../app/config.ts";
import { createSink } from "../app/sink-types.ts";
import { openClaimStore } from "../claims/open-claim-store.ts";
import type { ClaimStore } from "../core/claim-store.ts";
import { systemClock } from "../core/clock.ts";
import type { SinkSettings } from "../core/config-fields.ts";
import { MillraceError } from "../core/errors.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { Sink } from "../core/sink.ts";
import { slotDirectory } from "../journal/slot-directory.ts";
import { openRejectLog } from "../journal/reject-log-files.ts";
import { type DryRun, dryRun } from "../replay/dry-run.ts";
import { EventPortSink } from "../replay/event-port-sink.ts";
import { returning } from "../replay/quarantined-event.ts";
import { runReplay } from "../replay/run-replay.ts";
import type { RunState } from "../replay/run-state.ts";
import type { SchemaRegistry } from "../schemas/registry.ts";
import type { CliContext } from "./cli-context.ts";
import { EVENT_PORT_SETTINGS, eventPortSink, localJudge, nativeSources } from "./event-port-target.ts";
import { type ReplayEvents, replayEvents } from "./replay-events.ts";
import { type ReplayPlan, sinkNamed } from "./replay-plan.ts";
import { ReplayProgressBar } from "./replay-progress.ts";
import { EVENT_PORT, type ReplayOutcome } from "./replay-report.ts";

const CHECK_TIMEOUT_MS = 15_000;

export interface DeliverParts {
  readonly config: MillraceConfig;
  readonly schemas: SchemaRegistry;
  readonly stateDir: string;
  /** Of the event port, when it is not that of the configuration. */
  readonly url: string | undefined;
  readonly eventsPerSecond: number;
  readonly context: CliContext;
  readonly log: Logger;
  readonly signal: AbortSignal;
}

interface Target {
  readonly claims?: ClaimStore | undefined;
  readonly settings: SinkSettings;
  readonly sink: Sink;
  readonly deadLetters: RejectLog;
  readonly codeOf: (entry: RejectedEvent) => string;
}

/** Reads what a plan says, and sends nothing. */
export async function tryReplay(plan: ReplayPlan, parts: DeliverParts): Promise<DryRun> {
  const { config, schemas, stateDir, context, signal } = parts;
  const events = await replayEvents(plan, config, stateDir);
  const refusal = plan.from === "quarantine" ? localJudge(config, schemas) : undefined;
  const bar = new ReplayProgressBar(context);
  const total = events.units.reduce((sum, { bytes }) => sum + bytes, 0);
  let read = 0;
  const onBytes = (bytes: number): void => {
    read += bytes;
    bar.showRead(read, total);
  };
  try {
    return await dryRun({ ...events, ...(refusal && { refusal }), onBytes, signal });
  } finally {
    bar.end();
  }
}

/** Brings what a plan says where it says. Rejects with `replay_unusable` when nothing can be sent there. */
export async function deliverReplay(
  plan: ReplayPlan,
  run: string,
  before: RunState,
  saveState: (state: RunState) => Promise<void>,
  parts: DeliverParts,
): Promise<ReplayOutcome> {
  const { config, eventsPerSecond, context, log, signal } = parts;
  const events = await replayEvents(plan, config, parts.stateDir);
  const slot = `replay-${run}`;
  const target = plan.from === "quarantine" ? await toEventPort(events, parts) : await toSink(plan, slot, parts);
  const bar = new ReplayProgressBar(context, before.delivered);
  const { marks } = events;
  try {
    const result = await runReplay({
      ...target,
      units: events.units,
      choose: plan.from === "quarantine" ? returned(events, config) : events.choose,
      before,
      eventsPerSecond,
      onSettled(unit, index, isDelivered) {
        // A dead letter that is refused again has a successor; an event that is still invalid has none.
        if (isDelivered || plan.from === "dead-letters") marks?.add(unit, index);
      },
      async save(state) {
        await saveState(state);
        await marks?.save();
      },
      onProgress: (progress) => bar.show(progress),
      clock: systemClock,
      random: Math.random,
      log,
      signal,
    });
    const keptOut = target.sink instanceof EventPortSink ? Object.fromEntries(target.sink.keptOut) : {};
    return { to: plan.to ?? EVENT_PORT, ...result, ...(Object.keys(keptOut).length > 0 && { keptOut }) };
  } finally {
    bar.end();
    await Promise.all([target.deadLetters.close(), target.claims?.close()]);
  }
}

async function toSink(plan: ReplayPlan, slot: string, { config, log, signal }: DeliverParts): Promise<Target> {
  const settings = sinkNamed(config, plan.to ?? "");
  const registry = new Registry();
  const sink = await createSink(settings, { node: config.node, slot, clock: systemClock, registry, log });
  const problems = await sink.check(AbortSignal.any([signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]));
  for (const problem of problems) log.warn({ problem }, "the sink's destination is not as it should be");
  if (settings.type === "file" && settings.retention.maxAgeMs > 0)
    log.warn(
      { maxAgeMs: settings.retention.maxAgeMs },
      "the sink keeps files for so long after the hour of their events: older ones are deleted as soon as they are written",
    );
  const rejects = { name: "dead-letters", slot, config: config.deadLetters, durability: "disk" } as const;
  const deadLetters = whenNeeded(
    () => openRejectLog({ ...rejects, clock: systemClock, log }),
    // What is in it is room for a full disk only.
    () => rm(slotDirectory(config.deadLetters, slot), { recursive: true, force: true }),
  );
  const claims = await openClaimStore(settings.oversize, { clock: systemClock, log });
  return { settings, sink, claims, deadLetters, codeOf: ({ code }) => code };
}

async function toEventPort(events: ReplayEvents, parts: DeliverParts): Promise<Target> {
  const sources = new Set<string>();
  for (const unit of events.units) {
    for await (const items of unit.read(() => {})) {
      for (const item of items) {
        const chosen = events.choose(item, unit);
        if (typeof chosen !== "string") sources.add(chosen.source);
      }
    }
  }
  const sink = await eventPortSink(parts.config, { url: parts.url, sources });
  const problems = await sink.check(AbortSignal.any([parts.signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]));
  if (problems.length > 0 && !parts.signal.aborted) {
    await sink.close();
    throw new MillraceError("replay_unusable", problems.join("; "));
  }
  // What is still invalid stays where it is.
  const deadLetters: RejectLog = { append: async () => {}, close: async () => {} };
  return { settings: EVENT_PORT_SETTINGS, sink, deadLetters, codeOf: codeOfAnswer };
}

/** The event port's own word for what is wrong. */
function codeOfAnswer({ code, reasons: [reason] }: RejectedEvent): string {
  return code === "rejected_by_sink" && typeof reason === "string" ? reason : code;
}

/** Marks what is sent, which is not what an edit has changed. */
function returned({ choose }: ReplayEvents, config: MillraceConfig): ReplayEvents["choose"] {
  const sources = nativeSources(config);
  return (item, unit) => {
    const chosen = choose(item, unit);
    if (typeof chosen === "string") return chosen;
    return returning(chosen, `${unit.key} ${item.index}`, sources.get(chosen.source)?.requireId !== true);
  };
}

/** Opens a log with the first that is written to it: it takes room on the disk for a full disk, and most runs write none. */
function whenNeeded(open: () => Promise<RejectLog>, onClosed: () => Promise<void>): RejectLog {
  let opened: Promise<RejectLog> | undefined;
  return {
    async append(entries) {
      opened ??= open();
      // A later try opens it again.
      opened.catch(() => (opened = undefined));
      await (await opened).append(entries);
    },
    async close() {
      await (await opened)?.close();
      await onClosed();
    },
  };
}
