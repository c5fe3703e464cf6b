import type { Logger } from "pino";
import type { Clock } from "../core/clock.ts";
import { ThrottledLog } from "../core/throttled-log.ts";
import type { AlertmanagerConfig } from "./channel-config.ts";
import { alertsUrl, firingAlert, keyOf, labelsOf, type PostedAlert, resolvedAlert } from "./channels/alertmanager.ts";
import { JsonPoster } from "./channels/http-post.ts";
import type { SendResult } from "./channels/messenger.ts";
import type { Notice } from "./notice.ts";
import { type Outlet, type OutletFigures, retryDelayMs } from "./outlet.ts";

/** Alerts that one Alertmanager is told of at a time. */
const MAX_ALERTS = 1_000;

export interface FeedContext {
  readonly clock: Clock;
  /** From 0 up to 1. */
  readonly random: () => number;
  readonly log: Logger;
}

/**
 * Keeps the Alertmanagers of a cluster informed of what fires: all of it, again and again, so
 * that nothing waits in a queue, and a node that dies is forgotten. Each is told by itself.
 */
export class AlertmanagerFeed implements Outlet {
  readonly #config: AlertmanagerConfig;
  readonly #peers: readonly Peer[];
  #closed: Promise<void> | undefined;

  constructor(config: AlertmanagerConfig, context: FeedContext) {
    this.#config = config;
    this.#peers = config.urls.map((url) => new Peer(url, config, context));
  }

  /** It is told what fires; it decides itself whom to tell how often. */
  tell(): void {}

  show(firing: readonly Notice[]): void {
    if (this.#closed !== undefined) return;
    for (const peer of this.#peers) peer.show(firing);
  }

  figures(): OutletFigures {
    const sum = (of: (peer: Peer) => number) => this.#peers.reduce((total, peer) => total + of(peer), 0);
    const tooMany = Math.max(...this.#peers.map(({ tooMany: most }) => most));
    return {
      channel: this.#config.name,
      sent: sum(({ sent }) => sent),
      failures: sum(({ failures }) => failures),
      waiting: sum(({ waiting }) => waiting),
      dropped: tooMany === 0 ? {} : { too_many: tooMany },
      lastError: this.#peers.find(({ lastError }) => lastError !== undefined)?.lastError,
    };
  }

  /** What fires is not told to be over: it is not known to be. It expires, unless the next start finds it again. */
  async close(atMostMs: number): Promise<void> {
    this.#closed ??= Promise.all(this.#peers.map((peer) => peer.close(atMostMs))).then(() => {});
    await this.#closed;
  }
}

/** One Alertmanager. */
class Peer {
  sent = 0;
  failures = 0;
  /** Most alerts at a time that it was not told of. */
  tooMany = 0;
  lastError: string | undefined;
  readonly #config: AlertmanagerConfig;
  readonly #context: FeedContext;
  readonly #poster: JsonPoster;
  readonly #abort = new AbortController();
  readonly #failureLog: ThrottledLog;
  #firing: readonly Notice[] = [];
  /** What it takes for firing, by key. */
  #told = new Map<string, PostedAlert>();
  /** By the monotonic clock. */
  #dueMs = Number.NEGATIVE_INFINITY;
  #failuresInARow = 0;
  #sending: Promise<void> | undefined;

  constructor(url: string, config: AlertmanagerConfig, context: FeedContext) {
    this.#config = config;
    this.#context = context;
    const endpoint = alertsUrl(url);
    this.#poster = new JsonPoster(endpoint, config.timeoutMs, context.clock, config.headers);
    this.#failureLog = new ThrottledLog((attempts) =>
      context.log.warn(
        { channel: config.name, host: endpoint.host, attempts, reason: this.lastError },
        "an Alertmanager cannot be told what fires; it is tried again",
      ),
    );
  }

  /** Alerts that it has not been told of, or not that they are over. */
  get waiting(): number {
    const { firing, over } = this.#changes();
    return firing.filter(([key]) => !this.#told.has(key)).length + over.length;
  }

  show(firing: readonly Notice[]): void {
    this.#firing = firing.slice(0, MAX_ALERTS);
    this.tooMany = Math.max(this.tooMany, firing.length - MAX_ALERTS);
    const nowMs = this.#context.clock.monotonicMs();
    if (this.#sending !== undefined || (nowMs < this.#dueMs && (this.#failuresInARow > 0 || this.waiting === 0)))
      return;
    this.#sending = this.#send().finally(() => (this.#sending = undefined));
  }

  async close(atMostMs: number): Promise<void> {
    const { clock } = this.#context;
    const deadline = clock.after(atMostMs, () => this.#abort.abort());
    await this.#sending;
    if (this.waiting > 0 && !this.#abort.signal.aborted) await this.#send();
    deadline.cancel();
    await this.#poster.close();
  }

  #changes(): { firing: (readonly [string, Notice])[]; over: (readonly [string, PostedAlert])[] } {
    const firing = this.#firing.map((notice) => [keyOf(labelsOf(notice)), notice] as const);
    const keys = new Set(firing.map(([key]) => key));
    return { firing, over: [...this.#told].filter(([key]) => !keys.has(key)) };
  }

  async #send(): Promise<void> {
    const { clock, random } = this.#context;
    const wallMs = clock.nowMs();
    const changes = this.#changes();
    const firing = changes.firing.map(([key, notice]) => [key, firingAlert(notice, this.#config, wallMs)] as const);
    const over = changes.over.map(([, alert]) => resolvedAlert(alert, wallMs));
    const alerts = [...firing.map(([, alert]) => alert), ...over];
    const result: SendResult =
      alerts.length === 0
        ? { kind: "sent", answer: "" }
        : await this.#poster.post(Buffer.from(JSON.stringify(alerts)), {}, this.#abort.signal);
    const nowMs = clock.monotonicMs();
    if (result.kind === "sent") {
      this.#told = new Map(firing);
      this.sent += alerts.length;
      this.lastError = undefined;
      this.#failuresInARow = 0;
      this.#dueMs = nowMs + this.#config.resendEveryMs;
      return;
    }
    this.failures++;
    this.lastError = result.reason;
    this.#failureLog.add(1, nowMs);
    this.#dueMs = nowMs + retryDelayMs(++this.#failuresInARow, random());
  }
}
