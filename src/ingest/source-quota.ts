import type { ClientNetwork } from "./client-ip.ts";
import { ClientQuotas } from "./client-quotas.ts";
import type { SourceConfig } from "./config.ts";
import { Quota, type QuotaLimits } from "./quota.ts";

/** Which quota has nothing left, and for how long. */
export interface UsedUp {
  readonly of: "source" | "client";
  readonly limits: QuotaLimits;
  readonly waitMs: number;
}

/** What a source may send in all, and from each client. */
export class SourceQuota {
  readonly #all: Quota;
  readonly #clients: ClientQuotas | undefined;

  /** Full, or with `earlier` one that goes on from what was used. */
  constructor(limits: NonNullable<SourceConfig["quota"]>, nowMs: number, random: () => number, earlier?: SourceQuota) {
    const { perClient } = limits;
    this.#all = new Quota(limits, nowMs, earlier && earlier.#all);
    if (perClient === undefined) return;
    const clients = earlier && earlier.#clients;
    this.#clients = clients?.under(perClient, nowMs) ?? ClientQuotas.create(perClient, nowMs, random);
  }

  get isPerClient(): boolean {
    return this.#clients !== undefined;
  }

  /**
   * Most events of one request. A request is paid for on credit, and the source with it: a
   * client that could send more than its burst at once would take what is the others'.
   */
  get maxEventsPerRequest(): number {
    return Math.floor(this.#clients?.limits.burst ?? Number.POSITIVE_INFINITY);
  }

  /** Why a request of this client has to wait; of two reasons the one that takes longer. */
  usedUp(client: ClientNetwork, nowMs: number): UsedUp | undefined {
    const sourceMs = this.#all.waitMs(nowMs);
    const clientMs = this.#clients?.waitMs(client, nowMs) ?? 0;
    if (this.#clients !== undefined && clientMs > 0 && clientMs >= sourceMs) {
      return { of: "client", limits: this.#clients.limits, waitMs: clientMs };
    }
    return sourceMs > 0 ? { of: "source", limits: this.#all.limits, waitMs: sourceMs } : undefined;
  }

  charge(client: ClientNetwork, events: number, nowMs: number): void {
    this.#all.charge(events, nowMs);
    this.#clients?.charge(client, events, nowMs);
  }

  /** Pays for what is refused after it was admitted, as for one event. A client with nothing left owes it alone. */
  chargeRefused(client: ClientNetwork, nowMs: number): void {
    const clientMs = this.#clients?.waitMs(client, nowMs) ?? 0;
    if (clientMs === 0) this.#all.charge(1, nowMs);
    this.#clients?.charge(client, 1, nowMs);
  }
}
