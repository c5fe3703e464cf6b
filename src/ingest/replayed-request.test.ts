import { expect, test } from "vitest";
import { isReplay } from "./replayed-request.ts";

const TOKEN = "a".repeat(64);

test("a request is a replay only when it shows the token of this collector", () => {
  expect(isReplay({ "millrace-replay": TOKEN }, TOKEN)).toBe(true);
  for (const shown of [undefined, "", "true", "b".repeat(64), `${TOKEN}a`])
    expect(isReplay({ "millrace-replay": shown }, TOKEN)).toBe(false);
  expect(isReplay({ "millrace-replay": TOKEN }, undefined)).toBe(false);
});
