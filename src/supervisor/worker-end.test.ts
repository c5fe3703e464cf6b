import { expect, test } from "vitest";
import { MillraceError } from "../core/errors.ts";
import { describeEnd, type EndSigns, judgeEnd, judgeHang } from "./worker-end.ts";

const failed = new MillraceError("journal_unusable", "the journal cannot be read");
const killed = { code: null, signal: "SIGKILL" };

test.each<[string, EndSigns, string, string]>([
  ["exit code 0 is an orderly end", { code: 0, signal: null }, "done", "exit code 0"],
  ["another exit code, as of an uncaught exception, is a crash", { code: 1, signal: null }, "crashed", "exit code 1"],
  ["running out of memory is a crash", { code: null, signal: "SIGABRT" }, "crashed", "SIGABRT"],
  ["a fault in native code is a crash", { code: null, signal: "SIGSEGV" }, "crashed", "SIGSEGV"],
  ["SIGILL is a crash", { code: null, signal: "SIGILL" }, "crashed", "SIGILL"],
  ["SIGBUS is a crash", { code: null, signal: "SIGBUS" }, "crashed", "SIGBUS"],
  ["SIGTRAP is a crash", { code: null, signal: "SIGTRAP" }, "crashed", "SIGTRAP"],
  ["SIGFPE is a crash", { code: null, signal: "SIGFPE" }, "crashed", "SIGFPE"],
  ["SIGKILL, as of the kernel when memory runs out, is no crash", killed, "killed", "SIGKILL"],
  ["SIGTERM is no crash", { code: null, signal: "SIGTERM" }, "killed", "SIGTERM"],
  ["a hang in which it was busy is a crash", { ...killed, hang: "busy" }, "crashed", "hang"],
  ["a hang in which it stood still is no crash", { ...killed, hang: "still" }, "killed", "hang"],
  ["a start that failed is no crash", { code: 1, signal: null, failed }, "failed", "journal_unusable"],
  ["lingering after the last words is an orderly end", { ...killed, lingered: true }, "done", "exit code 0"],
])("%s", (_name, signs, kind, words) => {
  const end = judgeEnd(signs);
  expect([end.kind, describeEnd(end)]).toEqual([kind, words]);
});

test("a hang is a busy one when at least half a processor was used in it, and the process is not stopped", () => {
  const hang = { hangMs: 10_000, isStopped: false };
  expect(judgeHang({ ...hang, cpuMs: 5_000 })).toBe("busy");
  expect(judgeHang({ ...hang, cpuMs: 4_999 })).toBe("still");
  expect(judgeHang({ ...hang, cpuMs: 5_000, isStopped: true })).toBe("still");
  expect(judgeHang({ ...hang, cpuMs: undefined })).toBe("still");
});
