import { availableParallelism } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "pino";
import type { CountAnswer } from "../alerts/count-report.ts";
import { type AdminServer, startAdminServer } from "../admin/admin-server.ts";
import { systemClock } from "../core/clock.ts";
import type { SlotStatus } from "../core/deliveries.ts";
import type { LedgerSummary } from "../core/ledger-summary.ts";
import { MillraceError } from "../core/errors.ts";
import type { Certificate } from "../ingest/tls/certificate.ts";
import { slotsOnDisk } from "../journal/slots-on-disk.ts";
import type { EarlyChild } from "../supervisor/early-child.ts";
import { Supervisor, type WorkerSpec } from "../supervisor/supervisor.ts";
import { EmptyingAttempts } from "./emptying-attempts.ts";
import type { Health } from "./health.ts";
import { NodeAlerts } from "./node-alerts.ts";
import type { NodeState } from "./node-figures.ts";
import type { NodeMetrics } from "./node-metrics.ts";
import { nodeHealth, nodeSinks, type SlotView } from "./node-view.ts";
import { assertPortFree } from "./port-probe.ts";
import { SlotLedgers } from "./slot-ledgers.ts";
import { statusOnDisk } from "./status-on-disk.ts";
import { awaitOrphans } from "./stuck-orphans.ts";
import { WORKER_PROGRAM, workerEnvironment, workerFlags } from "./worker-program.ts";
import {
  type LastWords,
  received,
  type Settings,
  type SupervisorQuestion,
  type WorkerQuestions,
  type WorkerReady,
  type WorkerStart,
} from "./worker-protocol.ts";

/** Beyond `drainMs`, for a worker that is late to end by itself before it is killed. */
const DRAIN_GRACE_MS = 2_000;

/** For workers that serve already when another one cannot be started: what they have at hand is finished. */
const GIVE_UP_MS = 3_000;

/** A worker that answers later is busy or hangs; the others are shown without it. Well within the second that probes wait. */
const VIEW_TIMEOUT_MS = 500;

const STATUS_TIMEOUT_MS = 1_500;

/** Making a sink may wait for its destination, and for what the sink of before has on its way. */
const APPLY_TIMEOUT_MS = 120_000;

/** How often it is looked for slots that nobody empties, such as imported ones. */
const ORPHANS_EVERY_MS = 5_000;

/** Workers that empty slots at a time; each takes memory. */
const MAX_EMPTYING = 16;

export interface StartOptions {
  /** How workers log. */
  readonly logging: WorkerStart["logging"];
  /** Instead of the number in the configuration. */
  readonly workers?: number;
  /** For the first worker. */
  readonly earlyChild?: EarlyChild;
}

/**
 * A running collector: a supervisor with its workers, one per journal slot, and the admin
 * port, which shows them as one.
 *
 * It also has slots emptied that no worker serves: of an earlier start with more workers, or
 * imported.
 */
export class Collector {
  readonly #supervisor: Supervisor;
  readonly #admin: AdminServer;
  readonly #ledgers: SlotLedgers;
  readonly #alerts: NodeAlerts;
  readonly #log: Logger;
  readonly #logging: WorkerStart["logging"];
  readonly #servingWorkers: number;
  #nodeMetrics: Promise<NodeMetrics> | undefined;
  #settings: Settings;
  #port: number;
  /** For workers that start when the files of it have become invalid. */
  #certificate: Certificate | undefined;
  #draining = false;
  /** Slots that had a worker when the collector stopped. */
  #stoppedSlots: readonly string[] = [];
  #lost = 0;
  readonly #emptying = new EmptyingAttempts();
  /** Slots whose worker said how it ended when the collector stopped. */
  readonly #spoken = new Set<string>();
  #stopped: Promise<void> | undefined;
  #orphansTimer: NodeJS.Timeout | undefined;

  private constructor(
    settings: Settings,
    { logging, workers, earlyChild }: StartOptions,
    log: Logger,
    admin: AdminServer,
  ) {
    const { config } = settings;
    const wanted = workers ?? config.workers;
    this.#settings = settings;
    this.#logging = logging;
    this.#log = log;
    this.#admin = admin;
    this.#port = config.listen.port;
    this.#servingWorkers = wanted === "auto" ? availableParallelism() : wanted;
    this.#ledgers = new SlotLedgers(config.journal, log);
    this.#alerts = new NodeAlerts({ node: config.node, log, watch: () => this.#state() });
    this.#supervisor = new Supervisor({
      entry: WORKER_PROGRAM,
      env: workerEnvironment(),
      execArgv: workerFlags(),
      ...(earlyChild !== undefined && { earlyChild }),
      config: config.supervisor,
      clock: systemClock,
      log,
      random: Math.random,
      startMessage: (spec, crashes): WorkerStart => ({
        ...spec,
        settings: this.#settings,
        port: this.#port,
        certificate: this.#certificate,
        servingWorkers: this.#servingWorkers,
        logging: this.#logging,
        crashes: crashes.byPart,
        isReplacement: this.#supervisor.workers().some(({ slot, restarts }) => slot === spec.slot && restarts > 0),
      }),
      onQuestion: (_slot, question) => this.#answer(received<SupervisorQuestion>(question)),
      onEnded: (spec, words) => this.#ended(spec, received<LastWords | undefined>(words)),
    });
  }

  /** Opens the admin port. The workers are started by `run`. Rejects with `port_unavailable`. */
  static async open(settings: Settings, options: StartOptions, log: Logger): Promise<Collector> {
    const { config } = settings;
    // The view needs the collector, which needs the port to be its own before it starts anything.
    const view = Promise.withResolvers<Collector>();
    const admin = await startAdminServer(config.admin, {
      isLive: async () => !(await view.promise).#supervisor.hopeless,
      health: async () => (await view.promise).#health(),
      metrics: async () => (await view.promise).#metrics(),
      events: async (sink) => (await view.promise).#eventsInMemory(sink),
      sinks: async () => nodeSinks(await (await view.promise).#views()),
      workers: async () => (await view.promise).#supervisor.workers(),
      ledger: async () => (await view.promise).ledgerNow(),
      alerts: async () => (await view.promise).#alerts.view(),
    });
    const collector = new Collector(settings, options, log, admin);
    view.resolve(collector);
    return collector;
  }

  /**
   * Starts all workers, and resolves when they serve. Rejects with the first one's failure,
   * after stopping the others; also when it is drained meanwhile.
   */
  async run(): Promise<void> {
    try {
      await this.#startWorkers();
    } catch (error) {
      await this.#stop(GIVE_UP_MS);
      throw error;
    }
  }

  get port(): number {
    return this.#port;
  }

  get adminPort(): number {
    return this.#admin.port;
  }

  get servingWorkers(): number {
    return this.#servingWorkers;
  }

  async #startWorkers(): Promise<void> {
    const { listen, journal } = this.#settings.config;
    const alerts = this.#alerts.apply(this.#settings.config);
    await awaitOrphans(journal, systemClock, this.#log);
    if (this.#servingWorkers > 1 && listen.port !== 0) await assertPortFree(listen, systemClock);
    // Until a worker tells more. A slot that waits for one, or is empty, has nobody else to tell.
    for (const { slot } of await slotsOnDisk(journal)) await this.#ledgers.load(slot);
    const slots = Array.from({ length: this.#servingWorkers }, (_, index) => String(index));
    const [first = "0", ...others] = slots;
    // The first one finds out the port when any will do.
    const { port } = received<WorkerReady>(await this.#supervisor.run({ slot: first, task: "serve" }));
    this.#port = port;
    const serving = others.map((slot) => this.#supervisor.run({ slot, task: "serve" }));
    await Promise.all([...serving, this.#loadMetrics(), alerts]);
    await this.#emptyOrphans();
  }

  /** Has slots emptied that no worker has, now and whenever new ones appear. */
  async #emptyOrphans(): Promise<void> {
    try {
      for (const { slot, hasSegments } of await slotsOnDisk(this.#settings.config.journal)) {
        const workers = this.#supervisor.workers();
        if (this.#draining || workers.filter(({ task }) => task === "empty").length >= MAX_EMPTYING) break;
        if (!hasSegments || workers.some((worker) => worker.slot === slot)) continue;
        if (!this.#emptying.isDue(slot, systemClock.monotonicMs())) continue;
        this.#log.info({ slot }, "this journal slot has no worker; delivering what it holds");
        this.#supervisor.run({ slot, task: "empty" }).catch((error: unknown) => this.#couldNotEmpty(slot, error));
      }
    } catch (error) {
      this.#log.warn({ err: error }, "the journal's directory could not be looked into for slots without a worker");
    }
    if (this.#draining) return;
    this.#orphansTimer = setTimeout(() => void this.#emptyOrphans(), ORPHANS_EVERY_MS);
  }

  #couldNotEmpty(slot: string, error: unknown): void {
    if (this.#draining) return;
    // A lock is let go of soon.
    const isLocked = error instanceof MillraceError && error.code === "journal_locked";
    const againInMs = isLocked ? ORPHANS_EVERY_MS : this.#emptying.tried(slot, systemClock.monotonicMs());
    this.#log.error({ err: error, slot, againInMs }, "this journal slot could not be emptied; it is tried again");
  }

  #ended({ slot, task }: WorkerSpec, words: LastWords | undefined): void {
    if (words === undefined) return;
    this.#ledgers.tell(slot, words.ledger);
    if (this.#draining) this.#spoken.add(slot);
    this.#lost += words.lost;
    if (task !== "empty" || this.#draining || !words.isEmpty) return;
    // What is retained for replay would be looked at again and again.
    if (this.#settings.config.journal.retainMs > 0) this.#emptying.done(slot);
    else this.#emptying.tried(slot, systemClock.monotonicMs());
    this.#log.info({ slot }, "this journal slot is empty now");
  }

  /** Puts new sources, schemas and sinks into force in every worker; when one cannot, in none, and it rejects. */
  async apply(settings: Settings): Promise<void> {
    const before = this.#settings;
    this.#settings = settings;
    // First, so that what workers count for new rules is understood.
    await this.#alerts.apply(settings.config);
    const problems = await this.#applyEverywhere(settings);
    if (problems.length === 0) return;
    this.#settings = before;
    await this.#applyEverywhere(before);
    await this.#alerts.apply(before.config);
    throw new Error(problems[0]);
  }

  async #applyEverywhere(settings: Settings): Promise<string[]> {
    const answers = await Promise.all(
      this.#supervisor.workers().map(async ({ slot, pid }) => {
        try {
          return await this.#ask(slot, { kind: "apply", settings }, APPLY_TIMEOUT_MS);
        } catch (error) {
          // One that died meanwhile is replaced, and its replacement is told the newest settings.
          const isSame = this.#supervisor.workers().some((worker) => worker.slot === slot && worker.pid === pid);
          return isSame && pid !== undefined ? `worker ${slot}: ${String(error)}` : undefined;
        }
      }),
    );
    return answers.filter((problem) => problem !== undefined);
  }

  /**
   * Stops without losing anything: every worker drains. Resolves once all have ended, within
   * `drainMs` and a little. What sinks could not take stays in the journal for the next start.
   */
  async drain(): Promise<void> {
    await this.#stop(this.#settings.config.shutdown.drainMs + DRAIN_GRACE_MS);
  }

  #stop(atMostMs: number): Promise<void> {
    this.#stopped ??= this.#stopAll(atMostMs);
    return this.#stopped;
  }

  async #stopAll(atMostMs: number): Promise<void> {
    this.#draining = true;
    clearTimeout(this.#orphansTimer);
    this.#stoppedSlots = this.#supervisor.workers().map(({ slot }) => slot);
    await this.#supervisor.drain(atMostMs);
    // A worker that was killed has said nothing; what it saved is at most some milliseconds old.
    for (const slot of this.#unheard()) await this.#ledgers.load(slot);
    await this.#alerts.close();
    await this.#admin.close();
  }

  /** Ends the workers at once. The journal holds what was not delivered. */
  killAll(): void {
    this.#supervisor.killAll();
  }

  /** The slots whose worker has not said how it ended. */
  #unheard(): string[] {
    return this.#stoppedSlots.filter((slot) => !this.#spoken.has(slot));
  }

  /** The ledger of the node at its end. */
  get lastLedger(): LedgerSummary {
    return this.#ledgers.summary(this.#unheard());
  }

  /** The ledger of the node, asking every worker; of one that does not answer, what it saved last. */
  async ledgerNow(): Promise<LedgerSummary> {
    const answered = new Set((await this.#views()).map(({ slot }) => slot));
    const missing = this.#supervisor.workers().flatMap(({ slot }) => (answered.has(slot) ? [] : [slot]));
    const refreshed = Promise.all(missing.map((slot) => this.#ledgers.refresh(slot)));
    // A disk that is stuck keeps nobody waiting.
    await Promise.race([refreshed, delay(VIEW_TIMEOUT_MS, undefined, { ref: false })]);
    return this.#ledgers.summary(missing);
  }

  /** Acknowledged events that workers could not keep; known once they have ended. */
  get lostEvents(): number {
    return this.#lost;
  }

  async #health(): Promise<Health> {
    return nodeHealth(await this.#views(), this.#draining, this.#supervisor.hopeless);
  }

  /** What the workers that answer say; their ledgers are kept. */
  async #views(): Promise<SlotView[]> {
    const views = await this.#askAll(({ slot, task }) =>
      this.#ask(slot, { kind: "view" }, VIEW_TIMEOUT_MS).then((view) => ({ slot, task, view })),
    );
    for (const { slot, view } of views) this.#ledgers.tell(slot, view.ledger);
    return views;
  }

  async #state(): Promise<NodeState> {
    const views = await this.#views();
    const { config } = this.#settings;
    return { config, views, ledger: this.#ledgers.summary([]), workers: this.#supervisor.workers() };
  }

  async #metrics(): Promise<string> {
    const families = await this.#askAll(({ slot }) => this.#ask(slot, { kind: "metrics" }, VIEW_TIMEOUT_MS));
    return (await this.#loadMetrics()).text(families);
  }

  /** No start of a worker waits for this. */
  #loadMetrics(): Promise<NodeMetrics> {
    this.#nodeMetrics ??= import("./node-metrics.ts").then(
      ({ NodeMetrics: Loaded }) =>
        new Loaded(
          () => this.#supervisor.workers(),
          () => this.#alerts.figures(),
        ),
    );
    return this.#nodeMetrics;
  }

  async #eventsInMemory(sink: string): Promise<readonly string[] | undefined> {
    const events = await this.#askAll(({ slot }) => this.#ask(slot, { kind: "events", sink }, VIEW_TIMEOUT_MS));
    const known = events.filter((some) => some !== undefined);
    return known.length === 0 ? undefined : known.flat();
  }

  /** Asks every worker that works; those that do not answer are left out. */
  async #askAll<Answer>(ask: (spec: WorkerSpec) => Promise<Answer>): Promise<Answer[]> {
    const working = this.#supervisor.workers().filter(({ state }) => state !== "starting" && state !== "waiting");
    const answers = await Promise.allSettled(working.map((worker) => ask(worker)));
    return answers.flatMap((answer) => (answer.status === "fulfilled" ? [answer.value] : []));
  }

  async #ask<Kind extends keyof WorkerQuestions>(
    slot: string,
    question: WorkerQuestions[Kind]["asks"] & { readonly kind: Kind },
    timeoutMs: number,
  ): Promise<WorkerQuestions[Kind]["answer"]> {
    return received(await this.#supervisor.ask(slot, question, timeoutMs));
  }

  #answer(question: SupervisorQuestion): Promise<SlotStatus | CountAnswer | undefined> {
    switch (question.kind) {
      case "status":
        return this.#statusIn(question.slot, question.position);
      case "certificate":
        this.#certificate = question.certificate;
        return Promise.resolve(undefined);
      case "counts":
        return this.#alerts.count(question.report);
    }
  }

  async #statusIn(slot: string, position: number): Promise<SlotStatus> {
    const isRunning = this.#supervisor.workers().some((worker) => worker.slot === slot);
    if (!isRunning) return statusOnDisk(this.#ledgers.of(slot), position, this.#settings.config.sinks);
    try {
      const sinks = await this.#ask(slot, { kind: "status", position }, STATUS_TIMEOUT_MS);
      return sinks === undefined ? { kind: "unused" } : { kind: "known", sinks };
    } catch {
      return { kind: "no_answer" };
    }
  }
}
