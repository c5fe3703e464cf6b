import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silent, temporaryDirectory } from "../journal/journal-fixture.ts";
import { CrashRecord } from "../supervisor/crash-record.ts";
import { Caution } from "./caution.ts";

function slotIn(directory: { readonly path: string }) {
  mkdirSync(join(directory.path, "0"));
  return { config: { dir: directory.path }, slot: "0", sinks: ["stream", "files"], log: silent };
}

test("each crash without progress of a sink lets fewer of its events be under way, and of no other sink", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  const after = (stream: number) => Caution.after({ stream, files: 1 }, slot);
  expect([0, 1, 2, 3, 4, 9].map((crashes) => after(crashes).of("stream").caution?.window)).toEqual([
    undefined,
    undefined,
    256,
    1,
    1,
    1,
  ]);
  expect(after(9).of("files")).toEqual({});
  // It never lived to tell which sinks there are.
  expect(Caution.after({ "": 3 }, slot).of("stream").caution?.window).toBe(1);
  expect(after(9).of("unknown")).toEqual({});
  expect(Caution.none().of("stream")).toEqual({});
});

test("an event during whose trials the worker died twice in a row is set aside, for its sink only", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  const after = (stream: number) => Caution.after({ stream, files: 1 }, slot);
  after(4).of("stream").caution?.onAttempt?.(117);
  const second = after(5);
  expect(second.of("stream").setAside).toBeUndefined();
  second.of("stream").caution?.onAttempt?.(117);
  const third = after(6);
  expect(third.of("stream").setAside).toEqual(new Set([117]));
  expect(third.of("files").setAside).toBeUndefined();
  // Also when the worker dies of something else before that is saved.
  third.of("stream").caution?.onAttempt?.(118);
  expect(after(7).of("stream").setAside).toEqual(new Set([117]));
});

test("an event is not set aside because another one was tried before it crashed", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  for (const [crashes, position] of [
    [4, 117],
    [5, 118],
    [6, 119],
  ] as const) {
    const caution = Caution.after({ stream: crashes, files: 1 }, slot);
    expect(caution.of("stream").setAside).toBeUndefined();
    caution.of("stream").caution?.onAttempt?.(position);
  }
});

test("an event that lived through a trial is not set aside for a crash in the next one", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  for (const [crashes, isThrough] of [
    [4, false],
    [5, true],
    [6, false],
    [7, true],
    [8, false],
  ] as const) {
    const caution = Caution.after({ stream: crashes, files: 1 }, slot);
    expect(caution.of("stream").setAside).toBeUndefined();
    caution.of("stream").caution?.onAttempt?.(117);
    if (isThrough) caution.trial?.end();
  }
});

test("once the sink got further, what was tried before is forgotten", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  const after = (stream: number) => Caution.after({ stream, files: 1 }, slot);
  for (const crashes of [4, 5]) after(crashes).of("stream").caution?.onAttempt?.(117);
  after(1);
  expect(readdirSync(join(directory.path, "0"))).toEqual([]);
  expect(after(6).of("stream").setAside).toBeUndefined();
});

test("of any number of sinks that get no further, the event that kills the worker is found, and no other is set aside", () => {
  for (const sinks of [["a"], ["a", "down"], ["down", "z"], ["b", "c", "d", "e", "guilty"]]) {
    using directory = temporaryDirectory();
    const slot = { ...slotIn(directory), sinks };
    const guilty = sinks.findLast((sink) => sink !== "down");
    const crashes = new CrashRecord();
    const progress = Object.fromEntries(sinks.map((sink, at) => [sink, 100 + at]));
    let lives = 0;
    for (let isFound = false; !isFound; lives++) {
      expect(lives).toBeLessThan(4 + 2 * sinks.length);
      const caution = Caution.after(crashes.crashes.byPart, slot);
      const setAside = sinks.filter((sink) => caution.of(sink).setAside !== undefined);
      isFound = setAside.length > 0;
      if (isFound) expect(setAside).toEqual([guilty]);
      const { trial } = caution;
      if (trial !== undefined) caution.of(trial.sink).caution?.onAttempt?.(progress[trial.sink] ?? 0);
      // The others begin once it is over, and among them the guilty one.
      if (trial?.sink !== guilty) {
        trial?.end();
        for (const sink of sinks) caution.of(sink).caution?.onAttempt?.(progress[sink] ?? 0);
      }
      crashes.ended({ progressAtReady: progress, lastProgress: progress }, "SIGABRT");
    }
  }
});

test("no event is set aside when what kills the worker is a sink that still gets on", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  const crashes = new CrashRecord();
  for (let life = 0; life < 20; life++) {
    const caution = Caution.after(crashes.crashes.byPart, slot);
    expect(caution.of("stream").setAside).toBeUndefined();
    caution.of("stream").caution?.onAttempt?.(7);
    caution.trial?.end();
    crashes.ended(
      { progressAtReady: { stream: 7, files: life }, lastProgress: { stream: 7, files: life + 1 } },
      "SIGABRT",
    );
  }
});
