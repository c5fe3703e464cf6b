import type { RuleConfig } from "./rule-config.ts";

/** When an alert begins, ends and is told. */
export type AlertPolicy = Pick<RuleConfig, "forMs" | "resolveAfterMs" | "repeatEveryMs" | "minGapMs">;

/** What is to be told now, and how often the alert fired since the last message without being told. */
export interface Telling {
  readonly kind: "firing" | "reminder" | "resolved";
  readonly startedMs: number;
  readonly suppressed: number;
}

/**
 * The alert of one group of one rule.
 *
 * ```
 *        holds                  held for forMs              not held for resolveAfterMs
 *   ok ────────▶ pending ─────────────────────▶ firing ─────────────────────────────────▶ ok
 *    ▲              │ does not hold              told, once minGapMs is over               told, if the
 *    └──────────────┘                            again every repeatEveryMs                 firing was
 * ```
 *
 * It reads no clock. Nobody is told that something is over that they were not told of.
 */
export class Alert {
  #state: "ok" | "pending" | "firing" = "ok";
  /** When the condition began to hold. */
  #sinceMs = 0;
  /** When it ceased to, while the alert fires on. */
  #clearSinceMs: number | undefined;
  /** Whether the message went out that it fires. */
  #isTold = false;
  #lastToldMs = Number.NEGATIVE_INFINITY;
  #suppressed = 0;

  /** When it began; `undefined` when it does not fire. */
  get firingSinceMs(): number | undefined {
    return this.#state === "firing" ? this.#sinceMs : undefined;
  }

  /** True when nothing would be lost by forgetting it. */
  isIdle(policy: AlertPolicy, nowMs: number): boolean {
    return this.#state === "ok" && nowMs - this.#lastToldMs >= policy.minGapMs;
  }

  /** @param holds whether the rule's condition holds now */
  judge(holds: boolean, policy: AlertPolicy, nowMs: number): Telling | undefined {
    switch (this.#state) {
      case "ok":
        if (!holds) return undefined;
        this.#state = "pending";
        this.#sinceMs = nowMs;
        return this.#whilePending(policy, nowMs);
      case "pending":
        if (holds) return this.#whilePending(policy, nowMs);
        this.#state = "ok";
        return undefined;
      case "firing":
        return holds ? this.#whileFiring(policy, nowMs) : this.#whileClear(policy, nowMs);
    }
  }

  #whilePending(policy: AlertPolicy, nowMs: number): Telling | undefined {
    if (nowMs - this.#sinceMs < policy.forMs) return undefined;
    this.#state = "firing";
    return this.#whileFiring(policy, nowMs);
  }

  #whileFiring(policy: AlertPolicy, nowMs: number): Telling | undefined {
    this.#clearSinceMs = undefined;
    const quietMs = nowMs - this.#lastToldMs;
    if (!this.#isTold) return quietMs < policy.minGapMs ? undefined : this.#tell("firing", nowMs);
    if (policy.repeatEveryMs === 0 || quietMs < policy.repeatEveryMs) return undefined;
    return this.#tell("reminder", nowMs);
  }

  #whileClear(policy: AlertPolicy, nowMs: number): Telling | undefined {
    this.#clearSinceMs ??= nowMs;
    if (nowMs - this.#clearSinceMs < policy.resolveAfterMs) return undefined;
    this.#state = "ok";
    this.#clearSinceMs = undefined;
    if (this.#isTold) return this.#tell("resolved", nowMs);
    this.#suppressed++;
    return undefined;
  }

  #tell(kind: Telling["kind"], nowMs: number): Telling {
    const suppressed = this.#suppressed;
    this.#suppressed = 0;
    this.#isTold = kind !== "resolved";
    this.#lastToldMs = nowMs;
    return { kind, startedMs: this.#sinceMs, suppressed };
  }
}
