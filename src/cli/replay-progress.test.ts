import { PassThrough, Readable } from "node:stream";
import { expect, test, vi } from "vitest";
import { ReplayProgressBar } from "./replay-progress.ts";

const LEDGER = { read: 100, delivered: 40, refused: {}, skipped: {}, notSent: 60 };

function shown(isTTY: boolean, afterMs: number, { deliveredBefore = 0, columns = 120 } = {}): string {
  vi.useFakeTimers();
  const stderr = Object.assign(new PassThrough(), { isTTY, columns });
  const chunks: string[] = [];
  vi.spyOn(stderr, "write").mockImplementation((chunk: string) => chunks.push(chunk) > 0);
  const context = { stdin: Readable.from([]), stdout: stderr, stderr, env: {}, cwd: "/" };
  const bar = new ReplayProgressBar(context, deliveredBefore);
  vi.advanceTimersByTime(afterMs);
  bar.show({ ledger: LEDGER, bytesRead: 50, bytes: 200, lastError: "throttled" });
  bar.show({ ledger: LEDGER, bytesRead: 60, bytes: 200 });
  bar.end();
  vi.useRealTimers();
  return chunks.join("");
}

test("on a terminal a bar changes in place, elsewhere there is a line every few seconds", () => {
  const words = "25 % read, 40 delivered (40/s), 60 waiting; the last answer was: throttled";
  expect(shown(true, 1_000)).toBe(`\r\u001b[K[######..................] ${words}\r\u001b[K`);
  expect(shown(false, 1_000)).toBe("");
  expect(shown(false, 5_000)).toBe(`${words.replace("40/s", "8/s")}\n`);
});

test("the speed of a run that goes on is that of this start", () => {
  expect(shown(true, 1_000, { deliveredBefore: 30 })).toContain("40 delivered (10/s)");
});

test("a line is never longer than the terminal is wide, since one that wraps could not be taken away", () => {
  expect(shown(true, 1_000, { columns: 40 })).toBe("\r\u001b[K[######..................] 25 % read…\r\u001b[K");
});
