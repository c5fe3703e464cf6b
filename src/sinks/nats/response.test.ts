import { expect, test } from "vitest";
import { readAnswer } from "./response.ts";

function answer(reply: unknown, code = 0): ReturnType<typeof readAnswer> {
  return readAnswer({ code, data: Buffer.from(typeof reply === "string" ? reply : JSON.stringify(reply)) }, "events.a");
}

test("a stream's acknowledgement is a delivery, also of what it had", () => {
  expect(answer({ stream: "S", seq: 1 })).toEqual({ fate: { kind: "delivered" }, duplicate: false });
  expect(answer({ stream: "S", seq: 1, duplicate: true })).toEqual({ fate: { kind: "delivered" }, duplicate: true });
});

test.each([
  [{ error: { code: 400, err_code: 10054, description: "message size exceeds maximum allowed" } }, "rejected"],
  [{ error: { code: 400, err_code: 10060, description: "expected stream does not match" } }, "retryable"],
  [{ error: { code: 503, err_code: 10077, description: "maximum messages exceeded" } }, "retryable"],
  [{ error: { code: 503, err_code: 10008, description: "JetStream system temporarily unavailable" } }, "retryable"],
  [{ error: {} }, "retryable"],
])("%j is %s", (reply, kind) => {
  expect(answer(reply).fate).toEqual({ kind, reason: expect.stringMatching(/\w/) });
});

test("an answer that confirms nothing is no delivery", () => {
  for (const reply of [
    "",
    "{}",
    "null",
    "[]",
    "+OK",
    { stream: "", seq: 1 },
    { stream: "S" },
    { stream: "S", seq: "1" },
  ]) {
    expect(answer(reply).fate.kind).toBe("retryable");
  }
  expect(answer("", 503).fate).toEqual({
    kind: "retryable",
    reason: expect.stringContaining("no stream takes events.a"),
  });
});
