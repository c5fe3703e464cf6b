import type { EnrichmentConfig } from "./config.ts";
import type { Enrichers } from "./enrichers.ts";
import { GEO_ATTRIBUTES, type GeoDatabase } from "./geo-database.ts";
import { type RedactRule, Redactor } from "./redactor.ts";
import { USER_AGENT_ATTRIBUTES, type UserAgents } from "./user-agents.ts";

const BOT_ATTRIBUTE = "isbot";

/** Tells what a source wants to know of a request beside its time: what sent it, and from where. */
export class RequestAttributes {
  readonly #config: EnrichmentConfig;
  readonly #userAgents: UserAgents | undefined;
  readonly #geo: GeoDatabase | undefined;
  readonly #own: Redactor | undefined;

  private constructor(config: EnrichmentConfig, enrichers: Enrichers) {
    this.#config = config;
    this.#userAgents = enrichers.userAgents;
    this.#geo = config.geo && enrichers.geo(config.geo.file);
    const names = [
      ...(config.userAgent === "parsed" ? USER_AGENT_ATTRIBUTES : []),
      ...(config.bots === "flag" ? [BOT_ATTRIBUTE] : []),
      ...(config.geo === undefined ? [] : GEO_ATTRIBUTES),
    ];
    const rules = names.map((name): RedactRule => ({ steps: [name], action: "remove" }));
    this.#own = rules.length === 0 ? undefined : new Redactor(rules, "");
  }

  /** `undefined` when the source wants what is the default. */
  static of(config: EnrichmentConfig, enrichers: Enrichers): RequestAttributes | undefined {
    const isNeeded = config.userAgent !== "raw" || config.bots !== "off" || config.geo !== undefined;
    return isNeeded ? new RequestAttributes(config, enrichers) : undefined;
  }

  get needsAddress(): boolean {
    return this.#geo !== undefined;
  }

  get keepsUserAgent(): boolean {
    return this.#config.userAgent === "raw";
  }

  /** An event without what its sender says under the names that the collector uses: nobody could tell whose they are. */
  withoutOwn(raw: Buffer): Buffer {
    return this.#own?.redact(raw) ?? raw;
  }

  isBot(userAgent: string | undefined): boolean {
    return userAgent !== undefined && this.#config.bots !== "off" && this.#userAgents?.isBot(userAgent) === true;
  }

  /** Members of a JSON object, each after a comma; empty when there is nothing to tell. */
  members(userAgent: string | undefined, address: string | undefined): string {
    const isParsed = userAgent !== undefined && this.#config.userAgent === "parsed";
    const attributes = {
      ...(isParsed && this.#userAgents?.attributesOf(userAgent)),
      ...(this.#config.bots === "flag" && this.isBot(userAgent) && { [BOT_ATTRIBUTE]: true }),
      ...(address !== undefined && this.#geo?.lookUp(address)),
    };
    const json = JSON.stringify(attributes);
    return json === "{}" ? "" : `,${json.slice(1, -1)}`;
  }
}
