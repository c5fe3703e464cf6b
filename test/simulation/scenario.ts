import { type JournalConfig, journalConfig } from "../../src/journal/config.ts";
import type { ClaimTemper } from "./claims.ts";
import { JOURNAL, type SinkPlan } from "./collector.ts";
import type { Answer, PoisonRule, Temper } from "./destination.ts";
import type { Dice } from "./dice.ts";
import type { DiskFaults } from "./faulty-disk.ts";
import type { Crash } from "./life.ts";

/** Something that happens to the collector at a time. */
export type Happening =
  | { readonly kind: "append"; readonly drafts: number; readonly synced: boolean; readonly bodyBytes?: number }
  | { readonly kind: "crash"; readonly crash: Crash }
  /** In the midst of what is going on: so many disk operations later. */
  | { readonly kind: "crash soon"; readonly crash: Crash; readonly operations: number; readonly isAfter: boolean }
  | { readonly kind: "drain"; readonly deadlineMs: number }
  | { readonly kind: "configure"; readonly sinks: readonly SinkPlan[] }
  | { readonly kind: "clock jumps"; readonly byMs: number }
  | { readonly kind: "disk"; readonly faults: Partial<DiskFaults> }
  | { readonly kind: "room"; readonly bytes: number }
  | { readonly kind: "temper"; readonly sink: string; readonly temper: Temper }
  | { readonly kind: "rot"; readonly what: "segment" | "checkpoint" }
  | { readonly kind: "bad sector" }
  | { readonly kind: "segment deleted" };

/** What one seed is about: decided before the run, so that a change of the code changes none of it. */
export interface Scenario {
  readonly config: JournalConfig;
  readonly names: "journaled" | "unordered";
  readonly sinks: readonly SinkPlan[];
  readonly poison: ReadonlyMap<string, PoisonRule>;
  readonly durationMs: number;
  readonly happenings: readonly { readonly atMs: number; readonly happening: Happening }[];
  /** Size of the files of dead letters. */
  readonly lettersBytes: number;
  /** The disk has no more room once all other faults are over: what is delivered makes some. */
  readonly staysSmall: boolean;
  /** How likely a crash is while the collector starts. */
  readonly crashesAtStart: number;
}

const CLAIM_TEMPERS: readonly ClaimTemper[] = ["takes", "fails at times", "hangs at times", "is down"];
const NAMES = ["stream", "archive", "search"];

export function drawScenario(dice: Dice): Scenario {
  return dice.chance(0.004) ? drawFlood(dice) : drawStorm(dice);
}

/** More large events than a pipeline may hold, for a sink that does not answer. */
function drawFlood(dice: Dice): Scenario {
  const scenario = drawStorm(dice);
  const MiB = 1024 ** 2;
  const hang: Temper = { answers: [["hang", 1]], minMs: 1, maxMs: 1 };
  const events: Happening[] = Array.from({ length: 45 }, () => ({
    kind: "append",
    drafts: 1,
    synced: dice.chance(0.5),
    bodyBytes: dice.between(MiB / 2, 1.5 * MiB),
  }));
  const others: Happening[] = [{ kind: "crash", crash: "kill" }];
  return {
    ...scenario,
    config: { ...scenario.config, maxBytes: 256 * MiB, segmentBytes: 16 * MiB, tailBytes: 65_536 },
    sinks: scenario.sinks.map(({ settings, limits }) => ({
      settings,
      limits: { ...limits, maxBytes: 2 * MiB, maxEventBytes: 2 * MiB },
    })),
    happenings: [
      ...NAMES.map((sink) => ({ atMs: 1, happening: { kind: "temper" as const, sink, temper: hang } })),
      ...[...events, ...others].map((happening) => ({ atMs: dice.next() * scenario.durationMs, happening })),
    ],
    crashesAtStart: 0,
    staysSmall: false,
  };
}

function drawStorm(dice: Dice): Scenario {
  const durationMs = dice.between(300, 6_000);
  const sinks = drawSinks(dice);
  // Each fault is in some seeds and not in others: with all of them in each, the worst would hide the rest.
  const has = (probability: number) => dice.chance(probability);
  const happenings = [
    ...appends(dice),
    ...(has(0.75) ? crashes(dice, has(0.5)) : []),
    ...(has(0.3) ? repeated(dice, 2, () => ({ kind: "drain", deadlineMs: dice.between(0, 3_000) })) : []),
    ...(has(0.25) ? repeated(dice, 2, () => ({ kind: "configure", sinks: changed(sinks, dice) })) : []),
    ...(has(0.3) ? repeated(dice, 3, () => ({ kind: "clock jumps", byMs: dice.between(-100_000, 100_000) })) : []),
    ...(has(0.35) ? spells(dice, (isOver) => ({ kind: "disk", faults: isOver ? {} : drawFaults(dice) })) : []),
    ...(has(0.2)
      ? spells(dice, (isOver) => ({ kind: "room", bytes: isOver ? Infinity : dice.skewed(0, 30_000) }))
      : []),
    ...(has(0.75) ? tempers(dice) : []),
    ...(has(0.08) ? repeated(dice, 2, () => ({ kind: "rot", what: dice.chance(0.6) ? "segment" : "checkpoint" })) : []),
    ...(has(0.03) ? repeated(dice, 1, () => ({ kind: "segment deleted" })) : []),
    ...(has(0.04) ? repeated(dice, 2, () => ({ kind: "bad sector" })) : []),
  ];
  const isSmall = happenings.some(({ kind }) => kind === "room");
  const isFaulty = happenings.some(({ kind }) => kind === "disk");
  const at = happenings.map((happening) => ({ atMs: dice.next() * durationMs, happening }));
  return {
    config: drawConfig(dice),
    names: dice.chance(0.5) ? "journaled" : "unordered",
    sinks,
    poison: new Map(NAMES.map((name) => [name, dice.pick(["taken", "rejected", "refused whole"] as const)])),
    durationMs,
    happenings: at.toSorted((a, b) => a.atMs - b.atMs),
    crashesAtStart: dice.pick([0, 0, 0.3]),
    lettersBytes: dice.pick([4_096, 20_000]),
    // The room that a failing disk takes from those who keep some is not to be had again.
    staysSmall: isSmall && !isFaulty && dice.chance(0.7),
  };
}

function drawConfig(dice: Dice): JournalConfig {
  return {
    ...journalConfig.parse({ dir: JOURNAL }),
    durability: dice.chance(0.6) ? "os" : "disk",
    maxBytes: dice.pick([16_384, 65_536, 1_048_576]),
    segmentBytes: dice.pick([600, 1_500, 4_096, 16_384]),
    unsynced: { maxMs: dice.pick([20, 200, 1_000]), maxBytes: dice.pick([3_000, 64 * 1024 ** 2]) },
    tailBytes: dice.pick([500, 4_000, 65_536]),
    retainMs: dice.chance(0.8) ? 0 : dice.between(1, 5_000),
  };
}

function drawSinks(dice: Dice): SinkPlan[] {
  return NAMES.slice(0, dice.between(1, NAMES.length)).map((name) => drawSink(name, dice));
}

function drawSink(name: string, dice: Dice): SinkPlan {
  return {
    settings: {
      name,
      type: "simulated",
      ...(dice.chance(0.3) && { when: 'type != "other"' }),
      required: true,
      maxInFlight: dice.between(1, 4),
      timeoutMs: dice.between(100, 1_000),
      retry: {
        minDelayMs: dice.between(5, 100),
        maxDelayMs: dice.between(100, 2_000),
        maxAgeMs: dice.chance(0.8) ? 0 : dice.between(500, 3_000),
      },
    },
    limits: {
      maxEvents: dice.skewed(1, 50),
      maxBytes: dice.between(3_000, 20_000),
      maxEventBytes: 1_500,
      maxAgeMs: dice.between(1, 200),
    },
    ...(dice.chance(0.4) && { claims: dice.pick(CLAIM_TEMPERS) }),
  };
}

function changed(sinks: readonly SinkPlan[], dice: Dice): SinkPlan[] {
  const names = NAMES.filter(() => dice.chance(0.7));
  return names.map((name) => {
    const old = sinks.find(({ settings }) => settings.name === name);
    return old !== undefined && dice.chance(0.5) ? old : drawSink(name, dice);
  });
}

function appends(dice: Dice): Happening[] {
  const synced = dice.pick([0, 0.2, 0.5, 1]);
  return Array.from({ length: dice.between(15, 60) }, () => ({
    kind: "append",
    drafts: dice.skewed(1, 12),
    synced: dice.chance(synced),
  }));
}

function crashes(dice: Dice, withPowerCuts: boolean): Happening[] {
  return repeated(dice, 5, () => {
    const crash = withPowerCuts && dice.chance(0.6) ? "power cut" : "kill";
    if (dice.chance(0.3)) return { kind: "crash", crash };
    return { kind: "crash soon", crash, operations: dice.skewed(0, 40), isAfter: dice.chance(0.5) };
  });
}

function repeated(dice: Dice, most: number, happening: () => Happening): Happening[] {
  return Array.from({ length: dice.between(1, most) }, happening);
}

/** Something begins, and may end: without an end it goes on until all faults are over. */
function spells(dice: Dice, happening: (isOver: boolean) => Happening): Happening[] {
  return Array.from({ length: dice.between(1, 4) }, (_, index) => happening(index % 2 === 1));
}

function drawFaults(dice: Dice): Partial<DiskFaults> {
  const faults: Partial<DiskFaults> = {};
  const likely = dice.pick([0.02, 0.2, 1]);
  const kinds = ["create", "write", "shortWrite", "sync", "read", "names"] as const;
  for (const kind of kinds) if (dice.chance(0.35)) faults[kind] = likely;
  if (dice.chance(0.3)) faults.maxSyncMs = dice.pick([100, 2_000]);
  return faults;
}

const ANSWERS: readonly Answer[] = [
  "throttle",
  "take some",
  "take and never answer",
  "take and answer too late",
  "take and throw",
  "hang",
  "throw",
  "fail",
];

function tempers(dice: Dice): Happening[] {
  return repeated(dice, 5, () => ({ kind: "temper", sink: dice.pick(NAMES), temper: drawTemper(dice) }));
}

function drawTemper(dice: Dice): Temper {
  const answers = ANSWERS.filter(() => dice.chance(0.3)).map((answer): [Answer, number] => [
    answer,
    dice.between(1, 10),
  ]);
  if (answers.length === 0 || dice.chance(0.8)) answers.push(["take", dice.between(1, 20)]);
  const minMs = dice.skewed(1, 200);
  return { answers, minMs, maxMs: minMs + dice.skewed(0, 500) };
}
