import { randomInt } from "node:crypto";
import type { Clock } from "../core/clock.ts";
import type { Enrichers } from "./enrichment/enrichers.ts";
import { Redaction } from "./enrichment/redaction.ts";
import { RequestAttributes } from "./enrichment/request-attributes.ts";
import { Sieve } from "./enrichment/sieve.ts";
import type { AckLevel, ClientIpForm, SourceConfig } from "./config.ts";
import { Origins } from "./origins.ts";
import type { ProtocolName } from "./protocols/protocol-names.ts";
import type { SnowplowOptions } from "./protocols/snowplow/snowplow-options.ts";
import type { ValueOptions } from "./protocols/values/value-options.ts";
import { SourceQuota } from "./source-quota.ts";

/** Who may send events, with the rules that hold for them. */
export interface Source {
  readonly name: string;
  readonly origins: Origins;
  readonly validation: SourceConfig["validation"];
  readonly unknownTypes: SourceConfig["unknownTypes"];
  readonly ack: AckLevel;
  readonly requireId: boolean;
  /** Its senders are collectors, whose records of an event are kept. */
  readonly relay: boolean;
  readonly clientIp: ClientIpForm;
  readonly protocols: ReadonlySet<ProtocolName>;
  readonly json?: ValueOptions | undefined;
  readonly logs?: ValueOptions | undefined;
  readonly snowplow?: SnowplowOptions | undefined;
  readonly quota: SourceQuota | undefined;
  /** What must not be stored of its events; `undefined`: all may be. */
  readonly redaction: Redaction | undefined;
  /** What its events are told beside the usual about their request. */
  readonly attributes: RequestAttributes | undefined;
  /** Which of its events are not stored; `undefined`: all are. */
  readonly sieve: Sieve | undefined;
}

/** A path of a source's own, and the one that it stands for. */
export interface SourcePath {
  readonly path: string;
  readonly source: Source;
}

/**
 * The sources of one configuration. A reload makes a new table from the old one, so
 * that what a source has used of its quota is not forgotten; requests that are under
 * way keep the source they were admitted by.
 */
export class SourceTable {
  /** What any of the sources allows: for answers given before a source is known. */
  readonly origins: Origins;
  /** The paths that sources have of their own. */
  readonly paths: ReadonlyMap<string, SourcePath>;
  readonly #clock: Clock;
  readonly #enrichers: Enrichers;
  readonly #byKey = new Map<string, Source>();
  readonly #byName = new Map<string, Source>();

  private constructor(configs: readonly SourceConfig[], clock: Clock, enrichers: Enrichers, earlier?: SourceTable) {
    this.#enrichers = enrichers;
    this.origins = new Origins(configs.flatMap((config) => config.origins));
    this.#clock = clock;
    const nowMs = clock.monotonicMs();
    const ownPaths = new Map<string, SourcePath>();
    this.paths = ownPaths;
    for (const config of configs) {
      const { keys, origins, quota, protocols, paths, ...rules } = config;
      const before = earlier && earlier.#byName.get(rules.name);
      const source: Source = {
        ...rules,
        protocols: new Set(protocols),
        origins: new Origins(origins),
        quota: quota && new SourceQuota(quota, nowMs, secureRandom, before?.quota),
        redaction: Redaction.of(config),
        attributes: RequestAttributes.of(config, enrichers),
        sieve: Sieve.of(config, Math.random, before?.sieve),
      };
      this.#byName.set(source.name, source);
      for (const key of keys) this.#byKey.set(key, source);
      for (const [own, path] of Object.entries(paths)) ownPaths.set(own, { path, source });
    }
  }

  /**
   * @param clock its monotonic time is what quotas are counted in
   * @param enrichers with what the sources want loaded
   */
  static create(configs: readonly SourceConfig[], clock: Clock, enrichers: Enrichers): SourceTable {
    return new SourceTable(configs, clock, enrichers);
  }

  replacedBy(configs: readonly SourceConfig[]): SourceTable {
    return new SourceTable(configs, this.#clock, this.#enrichers, this);
  }

  /**
   * The source that a write key belongs to.
   *
   * A map compares hashes, seeded at random in each process, and looks at the
   * characters only when they agree. So the time it takes tells nothing about how
   * much of a guessed key is right, as comparing with each key in turn would.
   */
  byKey(key: string): Source | undefined {
    return this.#byKey.get(key);
  }
}

/** 0 to below 1. */
function secureRandom(): number {
  return randomInt(2 ** 32) / 2 ** 32;
}
