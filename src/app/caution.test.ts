import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { silent, temporaryDirectory } from "../journal/journal-fixture.ts";
import { Caution } from "./caution.ts";

function slotIn(directory: { readonly path: string }) {
  mkdirSync(join(directory.path, "0"));
  return { config: { dir: directory.path }, slot: "0", log: silent };
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

test("an event that was the last to be tried in two lives that crashed is set aside, for its sink only", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  const after = (stream: number) => Caution.after({ stream, files: 4 }, slot);
  after(4).of("stream").caution?.onAttempt?.(117);
  const second = after(5);
  expect(second.of("stream").setAside).toBeUndefined();
  second.of("files").caution?.onAttempt?.(4_000);
  second.of("stream").caution?.onAttempt?.(117);
  const third = after(6);
  expect(third.of("stream").setAside).toEqual(new Set([117]));
  expect(third.of("files").setAside).toBeUndefined();
});

test("an event is not set aside because another one was tried before it crashed", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  for (const [crashes, position] of [
    [4, 117],
    [5, 118],
    [6, 119],
  ] as const) {
    const caution = Caution.after({ stream: crashes }, slot);
    expect(caution.of("stream").setAside).toBeUndefined();
    caution.of("stream").caution?.onAttempt?.(position);
  }
});

test("once the sink got further, what was tried before is forgotten", () => {
  using directory = temporaryDirectory();
  const slot = slotIn(directory);
  for (const crashes of [4, 5]) Caution.after({ stream: crashes }, slot).of("stream").caution?.onAttempt?.(117);
  Caution.after({ stream: 1 }, slot);
  expect(existsSync(join(directory.path, "0/attempt.json"))).toBe(false);
  expect(Caution.after({ stream: 6 }, slot).of("stream").setAside).toBeUndefined();
});
