import type { Logger } from "pino";
import type { Clock } from "../../core/clock.ts";
import type { EnrichmentConfig } from "./config.ts";
import { GeoDatabase } from "./geo-database.ts";
import { UserAgents } from "./user-agents.ts";

type Wanted = Pick<EnrichmentConfig, "userAgent" | "bots" | "geo">;

interface EnricherParts {
  readonly clock: Clock;
  readonly log: Logger;
}

/** What requests are described with, loaded for the sources that want it only, and shared by them. */
export class Enrichers {
  readonly #parts: EnricherParts;
  readonly #geo = new Map<string, GeoDatabase>();
  #userAgents: UserAgents | undefined;

  private constructor(parts: EnricherParts) {
    this.#parts = parts;
  }

  static async open(sources: readonly Wanted[], parts: EnricherParts): Promise<Enrichers> {
    const enrichers = new Enrichers(parts);
    await enrichers.load(sources);
    return enrichers;
  }

  /** Loads what other sources want beside what is there. */
  async load(sources: readonly Wanted[]): Promise<void> {
    const readsUserAgents = sources.some(({ userAgent, bots }) => userAgent === "parsed" || bots !== "off");
    if (readsUserAgents) this.#userAgents ??= await UserAgents.load();
    for (const { geo } of sources) {
      if (geo === undefined || this.#geo.has(geo.file)) continue;
      this.#geo.set(geo.file, await GeoDatabase.open(geo.file, this.#parts));
    }
  }

  /** Lets go of what none of the sources wants. */
  keepFor(sources: readonly Wanted[]): void {
    const files = new Set(sources.map(({ geo }) => geo?.file));
    for (const [file, database] of this.#geo) {
      if (files.has(file)) continue;
      database.stop();
      this.#geo.delete(file);
    }
  }

  stop(): void {
    this.keepFor([]);
  }

  get userAgents(): UserAgents | undefined {
    return this.#userAgents;
  }

  geo(file: string): GeoDatabase | undefined {
    return this.#geo.get(file);
  }
}
