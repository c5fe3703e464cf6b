import { expect, test } from "vitest";
import { CrashRecord } from "./crash-record.ts";

/** A life from one progress to another. */
function life(progressAtReady?: string, lastProgress = progressAtReady) {
  const progress = (at: string | undefined) => (at === undefined ? undefined : { stream: Number(at) });
  return { progressAtReady: progress(progressAtReady), lastProgress: progress(lastProgress) };
}

function countAfter(...ends: [ReturnType<typeof life>, string | undefined][]): number {
  const record = new CrashRecord();
  for (const [each, crash] of ends) record.ended(each, crash);
  return record.crashes.count;
}

test("a slot that never crashed has no crashes and no reason", () => {
  expect(new CrashRecord().crashes).toEqual({ count: 0, byPart: {}, lastReason: "" });
});

test("crashes at the same place add up, with the last one's reason", () => {
  const record = new CrashRecord();
  for (const reason of ["exit code 1", "hang", "SIGSEGV"]) record.ended(life("7"), reason);
  expect(record.crashes).toEqual({ count: 3, byPart: { stream: 3 }, lastReason: "SIGSEGV" });
});

test("a crash after progress is the first one at its place", () => {
  expect(countAfter([life("7"), "x"], [life("7"), "x"], [life("7", "8"), "x"])).toBe(1);
  expect(countAfter([life("7"), "x"], [life("7"), "x"], [life("8"), "x"])).toBe(1);
  expect(countAfter([life("7", "8"), "x"], [life("8"), "x"])).toBe(2);
});

test("a death by someone else's hand neither counts nor starts the count anew", () => {
  expect(countAfter([life("7"), "x"], [life("7"), undefined], [life(), undefined], [life("7"), "x"])).toBe(2);
  expect(countAfter([life("7"), "x"], [life("7", "8"), undefined])).toBe(0);
});

test("crashes before the worker was ready count, since it got nowhere", () => {
  expect(countAfter([life(), "x"], [life(), "x"])).toBe(2);
  expect(countAfter([life("7"), "x"], [life(), "x"], [life("7"), "x"])).toBe(3);
});

test("a part that is stuck is found out though another one gets on, and one with nothing to do is forgotten", () => {
  const record = new CrashRecord();
  for (let files = 0; files < 4; files++) {
    const at = { stream: 7, files };
    record.ended({ progressAtReady: at, lastProgress: { stream: 7, files: files + 1 } }, "SIGSEGV");
  }
  expect(record.crashes).toMatchObject({ count: 4, byPart: { stream: 4, files: 1 } });
  record.ended({ progressAtReady: { files: 9 }, lastProgress: { files: 9 } }, "SIGSEGV");
  expect(record.crashes.byPart).toEqual({ files: 1 });
});
