import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Ledger } from "../core/ledger.ts";
import { silent, temporaryDirectory } from "../journal/journal-fixture.ts";
import { Caution } from "./caution.ts";

function ledgerAt(cursor: number): Ledger {
  const tallies = {};
  return new Ledger({
    version: 1,
    countedTo: 5_000,
    accepted: {},
    quarantined: {},
    sinks: { stream: { cursor, missing: 5_000 - cursor, tallies }, files: { cursor: 4_000, missing: 1_000, tallies } },
  });
}

test("each crash at the same place lets fewer events be under way, until the place is passed", () => {
  using directory = temporaryDirectory();
  mkdirSync(join(directory.path, "0"));
  const options = { config: { dir: directory.path }, slot: "0", ledger: ledgerAt(100), log: silent };
  const windows = [0, 1, 2, 3, 4, 9].map((crashes) => Caution.after(crashes, options).of("stream").caution);
  expect(windows.map((caution) => caution && [caution.window, caution.until])).toEqual([
    undefined,
    undefined,
    [1_024, 100 + 262_144],
    [32, 100 + 1_024],
    [1, 100 + 32],
    [1, 100 + 32],
  ]);
  expect(Caution.none().of("stream")).toEqual({});
});

test("the event that was alone under way when the worker crashed is set aside for its sink, and for no other", () => {
  using directory = temporaryDirectory();
  mkdirSync(join(directory.path, "0"));
  const options = { config: { dir: directory.path }, slot: "0", ledger: ledgerAt(100), log: silent };
  const first = Caution.after(4, options);
  expect(first.of("stream").setAside).toBeUndefined();
  first.of("files").caution?.onAttempt?.(4_000);
  first.of("stream").caution?.onAttempt?.(117);

  const second = Caution.after(5, options);
  expect(second.of("stream").setAside).toEqual(new Set([117]));
  expect(second.of("files").setAside).toBeUndefined();

  // Once the slot got further, the note is of no use.
  Caution.after(0, options);
  expect(existsSync(join(directory.path, "0/attempt.json"))).toBe(false);
  expect(Caution.after(4, options).of("stream").setAside).toBeUndefined();
});
