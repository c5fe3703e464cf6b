import { createHistogram, type RecordableHistogram } from "node:perf_hooks";
import { LoadConnection } from "./load-connection.ts";

export interface LoadOptions {
  readonly url: URL;
  readonly connections: number;
  /** Makes the next request, head and body. */
  readonly nextRequest: () => Buffer;
  /** Over all connections. Default: each sends as soon as it is answered. */
  readonly requestsPerSecond?: number;
  /** Sends no more after so long. */
  readonly seconds: number;
  /** Sends no more after so many. Default: no bound but the time. */
  readonly requests?: number;
  /** Sends no more after something failed. */
  readonly untilFailure?: boolean;
  /** Called once a second. */
  readonly onSecond?: (now: LoadProgress) => void;
  /** Sends no more. */
  readonly stop?: AbortSignal;
}

export interface LoadProgress {
  readonly elapsedMs: number;
  readonly answered: number;
  readonly failed: number;
}

/** Of answers, in milliseconds since their requests should have been sent. */
export interface Latencies {
  readonly p50Ms: number;
  readonly p90Ms: number;
  readonly p99Ms: number;
  readonly p999Ms: number;
  readonly maxMs: number;
}

export interface LoadResult {
  readonly answered: number;
  /** Answers that were 2xx. */
  readonly taken: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<string, number>>;
  /** Requests without an answer, and connections that did not come about, by reason. */
  readonly failures: Readonly<Record<string, number>>;
  /** Requests that the schedule wanted and that found no free connection, also not in the two seconds after its end. */
  readonly unsent: number;
  /** From the first request to the last answer. */
  readonly durationMs: number;
  readonly latencies: Latencies;
  /** User and system time of this process: what sending cost. */
  readonly generatorCpuMicros: number;
  /** The first answer that was not 2xx. */
  readonly firstRefusal?: { readonly status: number; readonly body: string };
}

/** Connections that take longer to come about are not waited for with the others. */
const CONNECT_MS = 5_000;

/** For what was due in time and found no free connection. */
const GRACE_MS = 2_000;

/** An answer that takes longer counts as none. */
const ANSWER_TIMEOUT_MS = 30_000;

/** How often a schedule is looked at; what is due in between goes out together. */
const TICK_MS = 1;

const CHECK_MS = 1_000;

/** Sends requests over keep-alive connections and counts what is answered. */
export function runLoad(options: LoadOptions): Promise<LoadResult> {
  return new Load(options).run();
}

/**
 * With a rate the schedule is fixed before the first request: number n is due n intervals
 * after the start, and its latency counts from then, however late it was sent. So a server
 * that stands still for a second is seen in the latencies of all the requests of that
 * second, not only in those that had been sent (what others call coordinated omission).
 */
class Load {
  readonly #options: LoadOptions;
  readonly #connections: LoadConnection[] = [];
  readonly #idle: LoadConnection[] = [];
  readonly #latencies: RecordableHistogram = createHistogram();
  readonly #statuses = new Map<number, number>();
  readonly #failures = new Map<string, number>();
  readonly #intervalMs: number;
  readonly #connected = Promise.withResolvers<void>();
  readonly #done = Promise.withResolvers<void>();
  /** Connections that were opened, or could not be. */
  #tried = 0;
  #begun = false;
  #grace: NodeJS.Timeout | undefined;
  #startMs = 0;
  #endMs = 0;
  /** Requests that were due when the time was up; `undefined` before. */
  #due: number | undefined;
  #sent = 0;
  #underWay = 0;
  #answered = 0;
  #taken = 0;
  #failed = 0;
  #stopped = false;
  #firstRefusal: LoadResult["firstRefusal"];

  constructor(options: LoadOptions) {
    this.#options = options;
    this.#intervalMs = options.requestsPerSecond === undefined ? 0 : 1_000 / options.requestsPerSecond;
  }

  async run(): Promise<LoadResult> {
    const { url, connections, stop } = this.#options;
    const end = (): void => this.#end();
    stop?.addEventListener("abort", end, { once: true });
    if (stop?.aborted === true) this.#end();
    for (let index = 0; index < connections; index++) {
      this.#connections.push(
        new LoadConnection(url, {
          onReady: (connection) => this.#ready(connection),
          onAnswer: (_connection, { status, body }, sinceMs) => this.#answer(status, body, sinceMs),
          onEnd: (connection) => this.#forget(connection),
          onFailure: (reason, hadRequest) => this.#fail(reason, hadRequest),
        }),
      );
    }
    const patience = setTimeout(() => this.#connected.resolve(), CONNECT_MS);
    await this.#connected.promise;
    clearTimeout(patience);

    const cpu = process.cpuUsage();
    this.#startMs = performance.now();
    this.#endMs = this.#startMs;
    const timers = [
      setTimeout(() => this.#timeIsUp(), this.#options.seconds * 1_000),
      setInterval(() => this.#check(), CHECK_MS),
    ];
    if (this.#intervalMs > 0) timers.push(setInterval(() => this.#sendDue(), TICK_MS));
    this.#begin();
    await this.#done.promise;
    for (const timer of [...timers, this.#grace]) clearTimeout(timer);
    stop?.removeEventListener("abort", end);
    for (const connection of this.#connections) connection.close();
    const { user, system } = process.cpuUsage(cpu);
    return this.#result(user + system);
  }

  /** Opening connections is over, and is no part of any latency. */
  #begin(): void {
    this.#begun = true;
    if (this.#intervalMs > 0) this.#sendDue();
    else for (const connection of this.#idle.splice(0)) this.#ready(connection);
  }

  #try(): void {
    if (++this.#tried >= this.#options.connections) this.#connected.resolve();
  }

  #ready(connection: LoadConnection): void {
    if (!this.#begun) {
      this.#idle.push(connection);
      this.#try();
    } else if (this.#intervalMs > 0) {
      this.#idle.push(connection);
      this.#sendDue();
    } else if (!this.#isOver()) {
      const nowMs = performance.now();
      this.#send(connection, nowMs, nowMs);
    }
  }

  #sendDue(): void {
    const nowMs = performance.now();
    while (this.#idle.length > 0 && !this.#isOver()) {
      const dueMs = this.#startMs + this.#sent * this.#intervalMs;
      if (dueMs > nowMs) return;
      // The one that has waited longest, so that all connections are used.
      const connection = this.#idle.shift();
      if (connection !== undefined) this.#send(connection, dueMs, nowMs);
    }
  }

  #send(connection: LoadConnection, sinceMs: number, nowMs: number): void {
    this.#sent++;
    this.#underWay++;
    connection.send(this.#options.nextRequest(), sinceMs, nowMs);
  }

  #answer(status: number, body: string, sinceMs: number): void {
    this.#endMs = performance.now();
    this.#latencies.record(Math.max(1, Math.round((this.#endMs - sinceMs) * 1e3)));
    this.#answered++;
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
    if (status >= 200 && status <= 299) this.#taken++;
    else this.#firstRefusal ??= { status, body };
    this.#settle();
  }

  #fail(reason: string, hadRequest: boolean): void {
    this.#failed++;
    this.#failures.set(reason, (this.#failures.get(reason) ?? 0) + 1);
    if (!this.#begun) this.#try();
    if (this.#options.untilFailure === true) this.#end();
    if (hadRequest) this.#settle();
  }

  #forget(connection: LoadConnection): void {
    const at = this.#idle.indexOf(connection);
    if (at >= 0) this.#idle.splice(at, 1);
  }

  #settle(): void {
    this.#underWay--;
    if (this.#underWay <= 0 && this.#isOver()) this.#done.resolve();
  }

  #isOver(): boolean {
    if (this.#stopped) return true;
    return this.#sent >= Math.min(this.#options.requests ?? Infinity, this.#due ?? Infinity);
  }

  #timeIsUp(): void {
    if (this.#intervalMs === 0) return this.#end();
    // What was due belongs to this load: a pause at its end would else hide what it held up.
    this.#due = Math.floor((performance.now() - this.#startMs) / this.#intervalMs) + 1;
    this.#sendDue();
    if (this.#isOver()) this.#end();
    else this.#grace = setTimeout(() => this.#end(), GRACE_MS);
  }

  #end(): void {
    this.#stopped = true;
    this.#connected.resolve();
    if (this.#underWay <= 0) this.#done.resolve();
  }

  #check(): void {
    const nowMs = performance.now();
    for (const connection of this.#connections) {
      if (connection.sentMs !== undefined && nowMs - connection.sentMs > ANSWER_TIMEOUT_MS)
        connection.abandon(`no answer within ${ANSWER_TIMEOUT_MS / 1_000} s`);
    }
    this.#options.onSecond?.({
      elapsedMs: nowMs - this.#startMs,
      answered: this.#answered,
      failed: this.#failed,
    });
  }

  #result(generatorCpuMicros: number): LoadResult {
    const percentileMs = (percent: number): number =>
      this.#answered === 0 ? 0 : this.#latencies.percentile(percent) / 1e3;
    return {
      answered: this.#answered,
      taken: this.#taken,
      statuses: Object.fromEntries(this.#statuses),
      failures: Object.fromEntries(this.#failures),
      unsent: this.#unsent(),
      durationMs: this.#endMs - this.#startMs,
      latencies: {
        p50Ms: percentileMs(50),
        p90Ms: percentileMs(90),
        p99Ms: percentileMs(99),
        p999Ms: percentileMs(99.9),
        maxMs: this.#answered === 0 ? 0 : this.#latencies.max / 1e3,
      },
      generatorCpuMicros,
      ...(this.#firstRefusal === undefined ? {} : { firstRefusal: this.#firstRefusal }),
    };
  }

  /** What was due when the time was up, and was not sent. */
  #unsent(): number {
    if (this.#due === undefined) return 0;
    return Math.max(0, Math.min(this.#due, this.#options.requests ?? Infinity) - this.#sent);
  }
}
