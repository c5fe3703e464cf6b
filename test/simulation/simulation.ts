import type { EventDraft } from "../../src/core/event.ts";
import { Books, type Ended } from "./books.ts";
import { SimulatedClaims } from "./claims.ts";
import { Collector, type SinkPlan, SLOT_DIRECTORY } from "./collector.ts";
import { Destination, KIND } from "./destination.ts";
import type { Dice } from "./dice.ts";
import { FaultyDisk, NO_FAULTS } from "./faulty-disk.ts";
import { deadLettersIn, eventsOnDisk, segmentsOnDisk } from "./found-on-disk.ts";
import { KnownEvents } from "./known-events.ts";
import { type Crash, Life } from "./life.ts";
import type { Plant } from "./plants.ts";
import { drawScenario, type Happening, type Scenario } from "./scenario.ts";
import { LETTERS_RESERVE, RESERVE, type Violation, World } from "./world.ts";

/** Longest a start may take once the disk can be read, and the delivery of all there is once all faults are over. */
const PATIENCE_MS = 120_000;

/** What a disk reads at a time. */
const SECTOR_BYTES = 4_096;

/** Room that the collector keeps for its checkpoint. */
const RESERVE_BYTES = 1024 ** 2;

/** Far above what any seed needs. */
const MAX_STEPS = 200_000;

export interface Outcome {
  readonly seed: number;
  readonly violation: Violation | undefined;
  readonly traceHash: string;
  readonly counts: ReadonlyMap<string, number>;
  readonly events: number;
  readonly steps: number;
  readonly simulatedMs: number;
  readonly trace: (lines?: number) => string[];
}

/** Runs one seed, from an empty disk until every fault is over and everything is delivered. */
export async function simulate(seed: number, plant: Plant = {}): Promise<Outcome> {
  return new Simulation(seed, plant).run();
}

class Simulation {
  readonly #world: World;
  readonly #scenario: Scenario;
  readonly #plant: Plant;
  readonly #dice: Dice;
  readonly #events: KnownEvents;
  readonly #claims: SimulatedClaims;
  readonly #destinations: ReadonlyMap<string, Destination>;
  readonly #books: Books;
  readonly #faults = { ...NO_FAULTS };
  #sinks: readonly SinkPlan[];
  #lives = 0;
  #life: Life | undefined;
  #collector: Collector | undefined;
  #isBusy = false;
  #faultsAreOver = false;
  #sent = 0;

  constructor(seed: number, plant: Plant) {
    this.#world = new World(seed);
    this.#scenario = drawScenario(this.#world.dice("scenario"));
    this.#plant = plant;
    this.#dice = this.#world.dice("simulation");
    this.#events = new KnownEvents(this.#world);
    this.#claims = new SimulatedClaims(this.#world);
    this.#destinations = new Map(
      [...this.#scenario.poison].map(([name, poison]) => [
        name,
        new Destination(name, poison, this.#world, this.#events, this.#claims),
      ]),
    );
    this.#books = new Books(this.#world, this.#scenario.config, this.#events, this.#destinations);
    this.#sinks = this.#scenario.sinks;
  }

  async run(): Promise<Outcome> {
    const world = this.#world;
    const { time } = world;
    for (const { atMs, happening } of this.#scenario.happenings) time.after(atMs, () => this.#happen(happening));
    let isOver = false;
    this.#direct().then(
      () => {
        isOver = true;
      },
      (error: unknown) =>
        world.violate("simulation", error instanceof Error ? (error.stack ?? error.message) : String(error)),
    );
    using _watch = watchForBugs(world);
    let steps = 0;
    while (!isOver && world.violation === undefined) {
      if (++steps > MAX_STEPS) world.violate("liveness", `it is not over after ${MAX_STEPS} steps`);
      try {
        if (!time.step(Number.POSITIVE_INFINITY)) await turn();
      } catch (error) {
        world.violate("bugs", error instanceof Error ? (error.stack ?? error.message) : String(error));
      }
      await turn();
    }
    this.#life?.end();
    return {
      seed: world.seed,
      violation: world.violation,
      traceHash: world.trace.hash,
      counts: world.counts,
      events: this.#events.size,
      steps,
      simulatedMs: time.nowMs,
      trace: (lines) => world.trace.lines(lines),
    };
  }

  /** The course of a run. */
  async #direct(): Promise<void> {
    const { time } = this.#world;
    this.#start();
    await time.wait(this.#scenario.durationMs);
    this.#endFaults();
    const isDelivered = () => this.#collector?.isIdle === true && !this.#isBusy;
    await this.#until("all is delivered once the faults are over", isDelivered);
    this.#check();
    // What is in flight at a destination comes in, and changes nothing.
    await time.wait(5_000);
    this.#books.checkSaved();
    const before = this.#lives;
    this.#happen({ kind: "drain", deadlineMs: 5_000 });
    await this.#until("a drain ends", () => this.#lives > before);
    await this.#until("a collector starts on what a drain has left", isDelivered);
    this.#check();
  }

  #check(): void {
    const { ledger } = this.#collector ?? {};
    if (ledger === undefined) return;
    this.#books.checkDelivered(ledger);
  }

  async #until(what: string, isSo: () => boolean): Promise<void> {
    const { time } = this.#world;
    for (const end = time.nowMs + PATIENCE_MS; !isSo();) {
      if (time.nowMs > end) {
        this.#world.violate("liveness", `${what}: not so after ${PATIENCE_MS} ms`);
        return;
      }
      await time.wait(20);
    }
  }

  #endFaults(): void {
    this.#world.trace.add("all faults are over");
    this.#faultsAreOver = true;
    Object.assign(this.#faults, NO_FAULTS);
    this.#setRoom(this.#scenario.staysSmall ? 0 : Number.POSITIVE_INFINITY);
    for (const destination of this.#destinations.values()) destination.temper = KIND;
    this.#claims.faultsAreOver = true;
  }

  /** A disk that is full before the collector has ever taken the room it needs, or while it has let go of it to take it again, cannot be helped. */
  #setRoom(free: number): void {
    const { files } = this.#world.disk;
    const missing = (path: string, size: number) => Math.max(0, size - (files.get(path)?.bytes.length ?? 0));
    const letters = this.#collector === undefined ? missing(LETTERS_RESERVE, this.#scenario.lettersBytes) : 0;
    const used = [...files.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
    this.#world.disk.capacity = used + missing(RESERVE, RESERVE_BYTES) + letters + free;
  }

  #start(): void {
    const world = this.#world;
    const life = new Life(++this.#lives, world, (crash) => this.#crashed(crash));
    this.#life = life;
    this.#isBusy = false;
    if (!this.#faultsAreOver && this.#dice.chance(this.#scenario.crashesAtStart))
      life.crashAfter(this.#dice.between(0, 40), this.#dice.chance(0.5) ? "kill" : "power cut", this.#dice.chance(0.5));
    world.trace.add("start", `life ${life.number}`);
    world.count("starts");
    const surroundings = {
      world,
      life,
      disk: new FaultyDisk(world, life, this.#faults, (path) => this.#books.evict(deadLettersIn(world.disk, path))),
      config: this.#scenario.config,
      lettersBytes: this.#scenario.lettersBytes,
      events: this.#events,
      destinations: this.#destinations,
      claims: this.#claims,
      books: this.#books,
      plant: this.#plant,
    };
    this.#watchStart(life);
    Collector.start(surroundings, this.#sinks).then(
      (collector) => {
        if (!life.alive) return;
        world.trace.add("started", `life ${life.number}`);
        this.#collector = collector;
        this.#books.compare(collector.ledger);
      },
      (error: unknown) => {
        if (!life.alive) return;
        world.trace.add("start failed", String(error));
        world.count("starts that failed");
        if (life.diskErrors.size === 0)
          world.violate(
            "starts",
            `a start failed on a disk that did not: ${error instanceof Error ? (error.stack ?? "") : String(error)}`,
          );
        life.end();
        this.#over("failed start");
      },
    );
  }

  #watchStart(life: Life): void {
    const { time } = this.#world;
    const look = (sinceMs: number): void => {
      if (!life.alive || this.#collector !== undefined) return;
      const hasFaults = this.#faults.read > 0 || this.#faults.names > 0;
      const from = hasFaults ? time.nowMs : sinceMs;
      if (time.nowMs - from > PATIENCE_MS / 2) this.#world.violate("starts", "a start does not end");
      time.after(1_000, () => look(from));
    };
    look(time.nowMs);
  }

  #crashed(crash: Crash): void {
    if (crash === "power cut") this.#cutPower();
    this.#over(crash);
  }

  /** Also of a machine on which no collector runs. */
  #cutPower(): void {
    this.#world.trace.add("the power is cut");
    this.#world.disk.cutPower({ random: this.#dice.next, names: this.#scenario.names });
    this.#books.end("power cut");
  }

  #over(ended: Ended): void {
    this.#collector = undefined;
    this.#life = undefined;
    this.#books.end(ended);
    this.#world.time.after(this.#dice.skewed(1, 1_500), () => this.#start());
  }

  #happen(happening: Happening): void {
    const { trace, time } = this.#world;
    const life = this.#life;
    if (happening.kind !== "append") trace.add("happens", happening.kind);
    switch (happening.kind) {
      case "append":
        this.#append(happening.drafts, happening.synced, happening.bodyBytes);
        break;
      case "crash":
        if (life !== undefined) life.crash(happening.crash);
        else if (happening.crash === "power cut") this.#cutPower();
        break;
      case "crash soon":
        life?.crashAfter(happening.operations, happening.crash, happening.isAfter);
        break;
      case "drain":
        this.#drain(happening.deadlineMs);
        break;
      case "configure":
        this.#configure(happening.sinks);
        break;
      case "clock jumps":
        time.wallOffsetMs += happening.byMs;
        break;
      case "disk":
        Object.assign(this.#faults, NO_FAULTS, happening.faults);
        trace.add("disk faults", JSON.stringify(happening.faults));
        break;
      case "room":
        this.#setRoom(happening.bytes);
        break;
      case "temper": {
        const destination = this.#destinations.get(happening.sink);
        if (destination !== undefined) destination.temper = happening.temper;
        break;
      }
      case "rot":
        this.#rot(happening.what);
        break;
      case "segment deleted":
        this.#deleteSegment();
        break;
      case "bad sector":
        this.#spoilSector();
        break;
    }
  }

  #append(count: number, synced: boolean, bodyBytes: number | undefined): void {
    if (this.#collector === undefined) return;
    this.#collector.append(
      Array.from({ length: count }, () => this.#draft(bodyBytes)),
      synced ? "synced" : "written",
      this.#dice.chance(0.15),
    );
  }

  #draft(bytes: number | undefined): EventDraft {
    const dice = this.#dice;
    const id = `e${this.#sent++}`;
    const type = dice.chance(0.85) ? "plain" : dice.pick(["poison", "large", "other"]);
    const bodyBytes = bytes ?? (type === "large" ? 1_600 : dice.skewed(0, 900));
    return {
      id,
      type,
      source: dice.pick(["web", "app"]),
      receivedMs: this.#world.time.wallMs,
      head: Buffer.from(`{"id":"${id}","data":"`),
      body: Buffer.alloc(bodyBytes, id),
      tail: Buffer.from(`"`),
      closing: "}",
    };
  }

  #drain(deadlineMs: number): void {
    const life = this.#life;
    if (life === undefined || this.#collector === undefined || this.#isBusy) return;
    this.#isBusy = true;
    const { time } = this.#world;
    time.after(deadlineMs + PATIENCE_MS, () => this.#world.violate("drain", "a drain does not end"), life);
    const end = (): void => {
      if (!life.alive) return;
      this.#world.trace.add("drained", `life ${life.number}`);
      this.#world.count("drains");
      life.end();
      this.#over("drain");
    };
    this.#collector.drain(deadlineMs).then(end, (error: unknown) => {
      this.#world.trace.add("drain failed", String(error));
      end();
    });
  }

  #configure(sinks: readonly SinkPlan[]): void {
    this.#sinks = sinks;
    if (this.#collector === undefined || this.#isBusy) return;
    this.#isBusy = true;
    const life = this.#life;
    this.#world.count("changes of the configuration");
    this.#collector.apply(sinks).then(
      () => {
        if (life?.alive === true) this.#isBusy = false;
      },
      (error: unknown) => this.#world.violate("bugs", `a change of the configuration failed: ${String(error)}`),
    );
  }

  /** Damage done in the midst of a start may or may not be seen by it: nobody could say what to expect. */
  get #isStarting(): boolean {
    return this.#life !== undefined && this.#collector === undefined;
  }

  #rot(what: "segment" | "checkpoint"): void {
    const { disk } = this.#world;
    const dice = this.#dice;
    const paths =
      what === "segment"
        ? segmentsOnDisk(disk, SLOT_DIRECTORY).map(({ path }) => path)
        : [`${SLOT_DIRECTORY}/checkpoint.json`, `${SLOT_DIRECTORY}/checkpoint.previous.json`];
    const candidates = paths.filter((path) => (disk.files.get(path)?.bytes.length ?? 0) > 0);
    if (candidates.length === 0 || this.#isStarting) return;
    const path = dice.pick(candidates);
    const offset = dice.between(0, (disk.files.get(path)?.bytes.length ?? 1) - 1);
    this.#damage(path, offset, offset + 1);
    disk.rot(path, offset, 1 << dice.between(0, 7));
    this.#world.count(`fault: ${what} rots`);
    if (what === "segment") return;
    this.#world.checkpointIsDamaged = true;
    // Before the next save replaces it.
    this.#life?.crash("kill");
  }

  /** From now on a part of a segment cannot be read, though what of it is in memory can be sent. */
  #spoilSector(): void {
    const { disk } = this.#world;
    const candidates = this.#quietSegments().filter(
      ({ path }) =>
        (disk.files.get(path)?.bytes.length ?? 0) > SECTOR_BYTES &&
        !disk.badSectors.some(({ file }) => file === disk.files.get(path)),
    );
    if (candidates.length === 0 || this.#isStarting) return;
    const { path } = this.#dice.pick(candidates);
    const file = disk.files.get(path);
    if (file === undefined) return;
    const from = SECTOR_BYTES * this.#dice.between(0, Math.floor((file.bytes.length - 1) / SECTOR_BYTES));
    this.#damage(path, from, from + SECTOR_BYTES);
    disk.badSectors.push({ path, from, to: from + SECTOR_BYTES, file });
    this.#world.count("fault: bad sector");
  }

  /** The events of which some byte lies in a part of a file may be lost from now on. */
  #damage(path: string, from: number, to: number): void {
    for (const found of eventsOnDisk(this.#world.disk, SLOT_DIRECTORY)) {
      const event = this.#events.of(found.id);
      if (event !== undefined && found.path === path && found.from < to && from < found.to) event.isDamaged = true;
    }
  }

  /** Those that are not written to: what is written to a file that somebody has deleted is gone with it. */
  #quietSegments(): { readonly path: string }[] {
    return segmentsOnDisk(this.#world.disk, SLOT_DIRECTORY).slice(0, this.#life === undefined ? undefined : -1);
  }

  #deleteSegment(): void {
    const { disk } = this.#world;
    const segments = this.#quietSegments();
    if (segments.length === 0 || this.#isStarting) return;
    const { path } = this.#dice.pick(segments);
    this.#damage(path, 0, Number.POSITIVE_INFINITY);
    disk.unlinkSync(path);
    this.#world.count("fault: segment deleted by hand");
  }
}

/** One turn of the event loop: what was put off to it has run, and all that follows from it. */
async function turn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** What nobody catches would end the process of a collector. */
function watchForBugs(world: World): Disposable {
  const onError = (error: unknown) =>
    world.violate("bugs", error instanceof Error ? (error.stack ?? error.message) : String(error));
  process.on("uncaughtException", onError);
  process.on("unhandledRejection", onError);
  return {
    [Symbol.dispose]() {
      process.off("uncaughtException", onError);
      process.off("unhandledRejection", onError);
    },
  };
}
