import { readFile, stat } from "node:fs/promises";
import type { CityResponse, Reader } from "maxmind";
import type { Logger } from "pino";
import type { Clock, Timer } from "../../core/clock.ts";
import { MillraceError } from "../../core/errors.ts";

const POLL_MS = 5_000;

/** Kinds of databases that tell places; others, such as those of networks' owners, have none. */
const WITH_PLACES = /City|Country|Enterprise/i;

export const GEO_ATTRIBUTES = ["geocountry", "georegion", "geocity"] as const;

/** Where an address is, as far as the database knows. */
export interface GeoAttributes {
  /** ISO 3166-1: `DE`. */
  readonly geocountry?: string;
  /** ISO 3166-2: `DE-BE`. */
  readonly georegion?: string;
  /** In English. */
  readonly geocity?: string;
}

interface GeoParts {
  readonly clock: Clock;
  readonly log: Logger;
}

/**
 * A MaxMind database of places, held in memory: a worker has the size of its file more for each.
 *
 * It looks every 5 s whether the file has changed, and reads it again once it has stayed the same
 * between two looks. A new file that is broken is refused, once, in the log; the old one stays.
 *
 * Opening never fails: the configuration was checked with {@link readGeoFile}, and a file that went
 * away since must not keep events from being taken. Until it is back they have no places.
 */
export class GeoDatabase {
  readonly #file: string;
  readonly #parts: GeoParts;
  #reader: Reader<CityResponse> | undefined;
  /** What was found last, and what needs no other look. */
  #seen: string;
  #known: string;
  #timer: Timer | undefined;
  #stopped = false;

  private constructor(file: string, stamp: string, parts: GeoParts) {
    this.#file = file;
    this.#seen = stamp;
    this.#known = stamp;
    this.#parts = parts;
  }

  static async open(file: string, parts: GeoParts): Promise<GeoDatabase> {
    const stamp = await stampOf(file);
    const database = new GeoDatabase(file, stamp, parts);
    await database.#read();
    database.#schedule();
    return database;
  }

  stop(): void {
    this.#stopped = true;
    this.#timer?.cancel();
  }

  lookUp(address: string): GeoAttributes {
    // A file that is damaged somewhere, or has other members than MaxMind's, is noticed only by who looks
    // there, which must not cost an event.
    try {
      return placeOf(this.#reader?.get(address));
    } catch {
      return {};
    }
  }

  #schedule(): void {
    if (this.#stopped) return;
    this.#timer = this.#parts.clock.after(POLL_MS, () => {
      void this.#look().then(() => this.#schedule());
    });
  }

  async #look(): Promise<void> {
    const stamp = await stampOf(this.#file);
    const isSettled = stamp === this.#seen;
    this.#seen = stamp;
    if (!isSettled || stamp === this.#known) return;
    this.#known = stamp;
    if (await this.#read()) this.#parts.log.info({ file: this.#file }, "a new geo database is in use");
  }

  async #read(): Promise<boolean> {
    try {
      this.#reader = await readGeoFile(this.#file);
      return true;
    } catch (error) {
      const instead = this.#reader === undefined ? "events have no places" : "the one before it stays in use";
      this.#parts.log.error({ err: error }, `the geo database is refused; ${instead} until it is mended`);
      return false;
    }
  }
}

function placeOf(found: CityResponse | null | undefined): GeoAttributes {
  const country = found?.country?.iso_code;
  const region = found?.subdivisions?.[0]?.iso_code;
  const city = found?.city?.names.en;
  return {
    ...(country !== undefined && { geocountry: country }),
    ...(country !== undefined && region !== undefined && { georegion: `${country}-${region}` }),
    ...(city !== undefined && { geocity: city }),
  };
}

/** Reads a database and tries it. Throws `geo_invalid`. */
export async function readGeoFile(file: string): Promise<Reader<CityResponse>> {
  const { Reader } = await import("maxmind");
  const bytes = await readFile(file).catch((error: unknown) => {
    throw invalid(`The geo database ${file} cannot be read (${reasonOf(error)})`, error);
  });
  let reader: Reader<CityResponse>;
  try {
    reader = new Reader<CityResponse>(bytes);
    reader.get("1.1.1.1");
  } catch (error) {
    throw invalid(`The file ${file} is not a whole MaxMind database (${reasonOf(error)})`, error);
  }
  const { databaseType } = reader.metadata;
  if (!WITH_PLACES.test(databaseType))
    throw invalid(`The database ${file} is of the type ${databaseType}, without places`);
  return reader;
}

/** Differs when the file does. */
async function stampOf(file: string): Promise<string> {
  try {
    const { mtimeMs, size, ino } = await stat(file);
    return `${mtimeMs} ${size} ${ino}`;
  } catch (error) {
    return reasonOf(error);
  }
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function invalid(problem: string, cause?: unknown): MillraceError {
  const hint =
    "Name one of cities or countries, such as GeoLite2-City.mmdb; paths are relative to the configuration file.";
  return new MillraceError("geo_invalid", `${problem}. ${hint}`, { cause });
}
