import { isDeepStrictEqual } from "node:util";
import { pino } from "pino";
import { Registry } from "prom-client";
import { LedgerBook } from "../../src/app/ledger-book.ts";
import type { ClaimStore } from "../../src/core/claim-store.ts";
import type { Clock } from "../../src/core/clock.ts";
import type { SinkSettings } from "../../src/core/config-fields.ts";
import { MillraceError } from "../../src/core/errors.ts";
import type { EventDraft, Position } from "../../src/core/event.ts";
import type { AppendLevel, Journal } from "../../src/core/journal.ts";
import { type Checkpoint, Ledger } from "../../src/core/ledger.ts";
import type { RejectLog } from "../../src/core/reject-log.ts";
import type { BatchLimits } from "../../src/core/sink.ts";
import { CheckpointFile } from "../../src/journal/checkpoint-file.ts";
import type { JournalConfig } from "../../src/journal/config.ts";
import { type Disk, isNoRoom } from "../../src/journal/disk.ts";
import { DiskReserve } from "../../src/journal/disk-reserve.ts";
import { createJournalMetrics } from "../../src/journal/metrics.ts";
import { openJournal } from "../../src/journal/open-journal.ts";
import { LeftBehind } from "../../src/journal/segment-writer.ts";
import { openRejectLog } from "../../src/journal/reject-log-files.ts";
import type { Caution } from "../../src/pipeline/caution.ts";
import { createPipelineMetrics } from "../../src/pipeline/metrics.ts";
import { Pipeline } from "../../src/pipeline/pipeline.ts";
import type { Books } from "./books.ts";
import type { ClaimTemper, SimulatedClaims } from "./claims.ts";
import type { Destination } from "./destination.ts";
import { deadLettersOnDisk, eventsOnDisk } from "./found-on-disk.ts";
import type { KnownEvent, KnownEvents } from "./known-events.ts";
import type { Life } from "./life.ts";
import { observed } from "./observed-journal.ts";
import type { Plant } from "./plants.ts";
import { RESERVE, type World } from "./world.ts";

export const SLOT = "0";
export const JOURNAL = "/journal";
export const SLOT_DIRECTORY = `${JOURNAL}/${SLOT}`;
export const DEAD_LETTERS = "/dead-letters";

const DEAD_LETTERS_CONFIG = { dir: DEAD_LETTERS, maxBytes: 1024 ** 3, maxAgeMs: 30 * 86_400_000 };

// Making these takes longer than the rest of a start, and nothing here looks at them.
const journalMetrics = createJournalMetrics(new Registry());
const pipelineMetrics = createPipelineMetrics(new Registry());
const silent = pino({ level: "silent" });

/** A sink of the configuration. */
export interface SinkPlan {
  readonly settings: SinkSettings;
  readonly limits: BatchLimits;
  /** How the claim check behaves for events that are too large; without one they are dead-lettered. */
  readonly claims?: ClaimTemper;
}

/** Whether a sink's filter lets an event pass by. */
export function drops({ settings }: SinkPlan, event: KnownEvent): boolean {
  return settings.when !== undefined && event.type === "other";
}

interface Surroundings {
  readonly world: World;
  readonly life: Life;
  readonly disk: Disk;
  readonly config: JournalConfig;
  readonly lettersBytes: number;
  readonly events: KnownEvents;
  readonly destinations: ReadonlyMap<string, Destination>;
  readonly claims: SimulatedClaims;
  readonly books: Books;
  readonly plant: Plant;
}

/**
 * A collector without its ports: what `src/app/worker.ts` puts together, on a simulated
 * disk, clock and sinks. All that it does is written into the books.
 */
export class Collector {
  readonly #in: Surroundings;
  readonly #clock: Clock;
  readonly #reserve: DiskReserve;
  readonly #journal: Journal;
  readonly #book: LedgerBook;
  readonly #deadLetters: RejectLog;
  /** With where each began. */
  readonly #running = new Map<string, { plan: SinkPlan; pipeline: Pipeline; from: Position }>();
  #isEnding = false;

  private constructor(
    surroundings: Surroundings,
    parts: { clock: Clock; reserve: DiskReserve; journal: Journal; book: LedgerBook; deadLetters: RejectLog },
  ) {
    this.#in = surroundings;
    this.#clock = parts.clock;
    this.#reserve = parts.reserve;
    this.#journal = parts.journal;
    this.#book = parts.book;
    this.#deadLetters = parts.deadLetters;
  }

  static async start(surroundings: Surroundings, sinks: readonly SinkPlan[]): Promise<Collector> {
    const { world, life, config, events, books, plant } = surroundings;
    const clock = world.time.clockOf(life);
    const disk = plant.disk?.(surroundings.disk) ?? surroundings.disk;
    const reserve = new DiskReserve({ config, slot: SLOT, disk });
    reserve.hold();
    await disk.mkdir(SLOT_DIRECTORY);
    const file = new ObservedCheckpointFile({ config, slot: SLOT, log: silent, reserve, disk }, world, books, life);
    const checkpoint = await file.load();
    const recorded = new Ledger(checkpoint);
    const opened = await openJournal({
      config,
      slot: SLOT,
      clock,
      log: silent,
      metrics: journalMetrics,
      reserve,
      atLeast: recorded.countedTo,
      neededFrom: recorded.lowestCursor(),
      disk,
    });
    if (life.alive) {
      books.letters = deadLettersOnDisk(world.disk, DEAD_LETTERS);
      books.restore(checkpoint, eventsOnDisk(world.disk, SLOT_DIRECTORY));
    }
    const journal = plant.journal?.(opened.journal) ?? opened.journal;
    const book = await LedgerBook.open({
      checkpoint,
      sinks: sinks.map(({ settings }) => settings.name),
      damaged: opened.recovery.damagedSegments > 0,
      journal: observed(journal, books, events, world, life),
      file,
      clock,
      log: silent,
    });
    const deadLetters = await openRejectLog({
      name: "dead-letters",
      slot: SLOT,
      config: { ...DEAD_LETTERS_CONFIG, fileBytes: surroundings.lettersBytes },
      durability: "disk",
      clock,
      log: silent,
      metrics: journalMetrics,
      disk,
    });
    const collector = new Collector(surroundings, { clock, reserve, journal, book, deadLetters });
    journal.onAppend((group) => {
      if (!life.alive) return;
      books.accept(group);
      book.accept(group);
      for (const { pipeline } of collector.#running.values()) pipeline.wake();
    });
    await collector.apply(sinks);
    return collector;
  }

  get ledger(): Ledger {
    return this.#book.ledger;
  }

  /** Whether every sink has settled everything. */
  get isIdle(): boolean {
    const { ledger } = this.#book;
    return [...this.#running.keys()].every(
      (sink) => ledger.cursor(sink) >= this.#journal.end && ledger.held(sink) === 0,
    );
  }

  /** As `Pipelines.apply` of `src/app`. */
  async apply(sinks: readonly SinkPlan[]): Promise<void> {
    const { books, life } = this.#in;
    const wanted = new Map(sinks.map((plan) => [plan.settings.name, plan]));
    books.oweOnly(wanted);
    const stops = [...this.#running].flatMap(([name, { plan, pipeline }]) =>
      isDeepStrictEqual(plan, wanted.get(name)) ? [] : [pipeline.stop().then(() => this.#running.delete(name))],
    );
    await Promise.all(stops);
    if (!life.alive) return;
    for (const plan of sinks) if (!this.#running.has(plan.settings.name) && !this.#isEnding) this.#startPipeline(plan);
    if (this.#isEnding) return;
    for (const name of this.ledger.sinks) {
      if (wanted.has(name)) continue;
      this.ledger.forget(name);
      books.forget(name);
      this.#book.changed();
    }
    await this.#book.flush();
    if (!life.alive) return;
    for (const { settings } of sinks) {
      books.owe(settings.name, this.ledger.cursor(settings.name));
    }
  }

  #startPipeline(plan: SinkPlan): void {
    const { world, life, books, destinations, events, plant } = this.#in;
    const { settings, limits } = plan;
    const destination = destinations.get(settings.name);
    if (destination === undefined) throw new Error(`there is no destination ${settings.name}`);
    const from = this.ledger.open(settings.name);
    if (life.alive) books.open(settings.name, from);
    const care = this.#careOf(settings.name, from);
    let settled = 0;
    const mostEvents = () =>
      care !== undefined && settled < care.caution.events ? care.caution.window : Number.POSITIVE_INFINITY;
    const sink = destination.sink(life, limits, settings, mostEvents);
    const tell = plant.settle?.() ?? ((cursor, counts, missing, settle) => settle(cursor, counts, missing));
    const pipeline = new Pipeline({
      settings,
      sink: plant.sink?.(sink) ?? sink,
      journal: observed(this.#journal, books, events, world, life, settings.name),
      from,
      settle: (...move) => {
        if (!life.alive) return;
        tell(...move, (cursor, counts, missing) => {
          world.trace.add("settle", settings.name, cursor);
          books.settle(settings.name, cursor, counts, (event) => drops(plan, event));
          for (const count of counts) settled += count.events;
          this.#book.settle(settings.name, cursor, counts, missing);
          if (!this.ledger.balances())
            world.violate("ledger", `it does not balance: ${JSON.stringify(this.ledger.checkpoint())}`);
        });
      },
      deadLetters: this.#observedLetters(plan, care?.setAside),
      claims: this.#claimsOf(plan),
      clock: this.#clock,
      random: world.dice(`pipeline ${settings.name} ${life.number}`).next,
      metrics: pipelineMetrics,
      log: silent,
      owed: () => this.ledger.held(settings.name),
      ...(care !== undefined && { caution: care.caution, setAside: care.setAside }),
    });
    this.#running.set(settings.name, { plan, pipeline, from });
    this.#book.watch(settings.name, (end) => pipeline.ahead(end));
    pipeline.start();
  }

  /** How a pipeline goes on in a life that follows crashes which one event may have caused. */
  #careOf(sink: string, from: Position): { caution: Caution; setAside: ReadonlySet<Position> } | undefined {
    const { world, life } = this.#in;
    const dice = world.dice(`care ${sink} ${life.number}`);
    if (life.number === 1 || !dice.chance(0.15)) return undefined;
    const window = dice.pick([1, 3, 20]);
    world.count("pipelines with caution");
    return {
      caution: { window, events: dice.between(1, 40), ...(window === 1 && { onAttempt: () => {} }) },
      setAside: new Set(dice.chance(0.3) ? [from + dice.between(0, 5)] : []),
    };
  }

  #claimsOf({ settings, claims }: SinkPlan): ClaimStore | undefined {
    const { world, life, plant } = this.#in;
    if (claims === undefined) return undefined;
    const dice = world.dice(`claims ${settings.name} ${life.number}`);
    const store = this.#in.claims.store(settings.name, life, dice, claims);
    return plant.claims?.(store) ?? store;
  }

  #observedLetters(plan: SinkPlan, setAside: ReadonlySet<Position> | undefined): RejectLog {
    const { books, life, plant, events, world, destinations, claims } = this.#in;
    const sink = plan.settings.name;
    const letters = plant.letters?.(this.#deadLetters) ?? this.#deadLetters;
    return {
      append: async (entries) => {
        await letters.append(entries);
        if (!life.alive) return;
        for (const { event: bytes, code, position = -1 } of entries) {
          const { id } = JSON.parse(Buffer.from(bytes).toString()) as { id: string };
          const event = events.of(id);
          const isTooLarge = code === "event_too_large" && event?.type === "large" && plan.claims === undefined;
          const isUnstored = code === "retry_expired" && claims.hasFailed(sink, position);
          const isSetAside = code === "crashed_worker" && setAside?.has(position) === true;
          const wasRefused = event !== undefined && destinations.get(sink)?.of(event)?.wasRefused === true;
          if (!isTooLarge && !isUnstored && !isSetAside && !wasRefused)
            world.violate("dead letters", `${sink} gave up ${id} as ${code}, and nothing was wrong with it`);
          books.letters.add(`${sink} ${id}`);
          world.count("events dead-lettered");
        }
        world.trace.add("dead letters", sink, entries.length);
      },
      close: () => letters.close(),
    };
  }

  /**
   * Appends events; the sender remembers what it was told.
   *
   * @param awaitsDelivery whether it then waits for every sink, as `?ack=delivered` does
   */
  append(drafts: readonly EventDraft[], level: AppendLevel, awaitsDelivery: boolean): void {
    const { events, life, world, config, books } = this.#in;
    const known = drafts.map((draft) => events.add(draft));
    this.#journal.append(drafts, level).then(
      (first) => {
        if (!life.alive) return;
        world.trace.add("acknowledged", level, first, drafts.length);
        world.count(`events acknowledged as ${level}`, drafts.length);
        events.acknowledged(known, first, config.durability === "disk" ? "synced" : level, life.number);
        if (awaitsDelivery) this.#awaitDelivery(known, first);
      },
      (error: unknown) => {
        if (!life.alive) return;
        const code = error instanceof MillraceError ? error.code : String(error);
        world.trace.add("refused", code, known[0]?.id ?? "");
        world.count(`events refused: ${code}`, drafts.length);
        if (code !== "journal_full" && code !== "journal_write_failed")
          world.violate("errors", `an append was refused with ${String(error)}`);
        // Beyond journal.unsynced an append at `written` waits for its sync as well, and that may fail.
        const isLeftBehind = error instanceof MillraceError && error.cause instanceof LeftBehind;
        const mayBeThere = isLeftBehind || level === "synced" || config.durability === "disk";
        for (const event of known) {
          event.wasRefused = !books.hasPlace(event);
          event.promised = mayBeThere || !event.wasRefused ? "unsure" : "refused";
        }
      },
    );
  }

  #awaitDelivery(sent: readonly KnownEvent[], first: Position): void {
    const { life, world, books } = this.#in;
    for (const [sink, { plan, pipeline, from }] of this.#running) {
      // One that was replaced since does not know what became of what is below its beginning.
      if (first < from) continue;
      void pipeline.whenSettled(first, sent.length, AbortSignal.any([])).then((result) => {
        if (!life.alive) return;
        world.count(`events awaited: ${result}`, sent.length);
        if (
          result === "undelivered" &&
          !sent.some((event) => event.isDamaged || books.letters.has(`${sink} ${event.id}`))
        )
          world.violate("acks", `the sender of ${sent[0]?.id} was told that ${sink} gave it up`);
        for (const event of sent) {
          if (result === "delivered" && !drops(plan, event) && !books.isTaken(sink, event))
            world.violate("acks", `the sender of ${event.id} was told that ${sink} has it`);
        }
      });
    }
  }

  /** As `Worker.drain` of `src/app`. */
  async drain(deadlineMs: number): Promise<void> {
    this.#isEnding = true;
    await Promise.all([...this.#running.values()].map(({ pipeline }) => pipeline.drain(deadlineMs)));
    await this.#deadLetters.close();
    await this.#book.close();
    await this.#journal.close();
    await this.#reserve.close();
  }
}

class ObservedCheckpointFile extends CheckpointFile {
  readonly #world: World;
  readonly #books: Books;
  readonly #life: Life;
  #endedMs = 0;

  constructor(options: ConstructorParameters<typeof CheckpointFile>[0], world: World, books: Books, life: Life) {
    super(options);
    this.#world = world;
    this.#books = books;
    this.#life = life;
  }

  override async save(checkpoint: Checkpoint): Promise<void> {
    if (!this.#life.alive) return super.save(checkpoint);
    const save = this.#books.saving(checkpoint, this.#endedMs);
    const reserve = this.#world.disk.files.get(RESERVE)?.bytes.length ?? 0;
    try {
      await super.save(checkpoint);
      if (this.#life.alive) this.#books.saved(save);
    } catch (error) {
      // Without a saved checkpoint nothing would ever be deleted, and a full disk would stay full.
      if (isNoRoom(error) && reserve > JSON.stringify(checkpoint).length + 100)
        this.#world.violate("reserve", `a checkpoint was not saved for want of room, with ${reserve} bytes in reserve`);
      throw error;
    } finally {
      this.#endedMs = this.#world.time.nowMs;
    }
  }
}
