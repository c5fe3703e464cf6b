import { copyFile, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import pino from "pino";
import { expect, test } from "vitest";
import type { Clock } from "../../core/clock.ts";
import { GeoDatabase, readGeoFile } from "./geo-database.ts";

const FIXTURES = path.join(import.meta.dirname, "fixtures");
const CITY = path.join(FIXTURES, "city.mmdb");

/** Runs what is due when it is told to. */
class HandClock implements Clock {
  #due: (() => void)[] = [];
  nowMs(): number {
    return 0;
  }
  monotonicMs(): number {
    return 0;
  }
  after(_delayMs: number, run: () => void) {
    this.#due.push(run);
    return { cancel: () => void (this.#due = this.#due.filter((other) => other !== run)) };
  }
  get waiting(): number {
    return this.#due.length;
  }
  /** The next look, to its end. */
  async look(): Promise<void> {
    for (const run of this.#due.splice(0)) run();
    await expect.poll(() => this.waiting).toBe(1);
  }
}

async function temporaryDir() {
  const dir = await mkdtemp(path.join(tmpdir(), "millrace-geo-"));
  return { dir, [Symbol.asyncDispose]: () => rm(dir, { recursive: true }) };
}

test("a file that has changed is used once it stays the same; a broken one is refused in the log, and the old one stays", async () => {
  await using temporary = await temporaryDir();
  const file = path.join(temporary.dir, "geo.mmdb");
  await copyFile(CITY, file);
  const clock = new HandClock();
  const lines: string[] = [];
  const log = pino({ level: "info" }, { write: (line: string) => void lines.push(line) });
  const database = await GeoDatabase.open(file, { clock, log });
  const place = () => database.lookUp("192.0.2.1").geocity;
  expect(place()).toBe("Berlin");
  await clock.look();
  expect(lines).toEqual([]);

  await writeFile(file, "broken");
  for (let looks = 0; looks < 4; looks++) await clock.look();
  expect([place(), lines.length]).toEqual(["Berlin", 1]);
  expect(lines[0]).toContain("not a whole MaxMind database");

  const bytes = await readFile(CITY);
  bytes.write("Potsda", bytes.indexOf("Berlin"));
  await writeFile(file, bytes);
  await clock.look();
  expect(place()).toBe("Berlin");
  await clock.look();
  expect(place()).toBe("Potsda");
  database.stop();
  expect(clock.waiting).toBe(0);
});

test("a file that is gone when a worker starts costs no event, and is used once it is there", async () => {
  await using temporary = await temporaryDir();
  const file = path.join(temporary.dir, "geo.mmdb");
  const clock = new HandClock();
  const lines: string[] = [];
  const log = pino({ level: "error" }, { write: (line: string) => void lines.push(line) });
  const database = await GeoDatabase.open(file, { clock, log });
  expect(database.lookUp("192.0.2.1")).toEqual({});
  expect(lines.join("")).toMatch(/ENOENT.*events have no places/);
  await copyFile(CITY, file);
  await clock.look();
  await clock.look();
  expect(database.lookUp("192.0.2.1")).toMatchObject({ geocity: "Berlin" });
  database.stop();
});

test.each([
  ["nowhere.mmdb", /cannot be read \(ENOENT/],
  ["../geo-database.test.ts", /not a whole MaxMind database/],
  ["asn.mmdb", /type Test-ASN, without places/],
])("%s is refused with what to do", async (name, reason) => {
  const opening = readGeoFile(path.join(FIXTURES, name));
  await expect(opening).rejects.toMatchObject({ code: "geo_invalid", message: expect.stringMatching(reason) });
  await expect(opening).rejects.toThrow("GeoLite2-City.mmdb");
});

test("a database whose cities have no names costs no event", async () => {
  await using temporary = await temporaryDir();
  const file = path.join(temporary.dir, "geo.mmdb");
  const bytes = await readFile(CITY);
  // Each key of this name, whatever it belongs to.
  for (let at = bytes.indexOf("names"); at >= 0; at = bytes.indexOf("names", at)) bytes.write("other", at);
  await writeFile(file, bytes);
  const database = await GeoDatabase.open(file, { clock: new HandClock(), log: pino({ level: "silent" }) });
  expect(database.lookUp("192.0.2.1").geocity).toBeUndefined();
});
