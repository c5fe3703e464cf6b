import { expect, test } from "vitest";
import { correctedTime } from "./segment-time.ts";

const RECEIVED = "2026-01-31T12:00:10.000Z";

function corrected(times: { originalTimestamp?: unknown; timestamp?: unknown; sentAt?: unknown }): unknown {
  return correctedTime(
    { originalTimestamp: undefined, timestamp: undefined, sentAt: undefined, ...times },
    Date.parse(RECEIVED),
  );
}

test("what a clock is wrong by falls out, and how long the message waited stays", () => {
  // A clock that is an hour fast, and five seconds between event and request.
  const sentAt = "2026-01-31T13:00:10.000Z";
  expect(corrected({ timestamp: "2026-01-31T13:00:05.000Z", sentAt })).toBe("2026-01-31T12:00:05.000Z");
  expect(corrected({ timestamp: "2026-01-31T14:00:05.000+01:00", sentAt })).toBe("2026-01-31T12:00:05.000Z");
});

test("the original timestamp goes before one that was corrected already", () => {
  const times = { originalTimestamp: "2026-01-31T13:00:05Z", timestamp: "2026-01-31T09:00:00Z" };
  expect(corrected({ ...times, sentAt: "2026-01-31T13:00:10Z" })).toBe("2026-01-31T12:00:05.000Z");
});

test("what cannot be reckoned with is left as it was sent", () => {
  const timestamp = "2020-02-29T00:00:00.123456Z";
  for (const sentAt of [undefined, null, 1, "yesterday", "2026-01-31T23:59:60Z"]) {
    expect(corrected({ timestamp, sentAt })).toBe(timestamp);
  }
  const sentAt = "2026-01-31T12:00:10Z";
  for (const bad of ["soon", 1_700_000_000, false, {}]) expect(corrected({ timestamp: bad, sentAt })).toBe(bad);
  expect(corrected({ sentAt })).toBeUndefined();
  expect(corrected({ timestamp: null, sentAt })).toBeUndefined();
});

test("a correction never leaves the years that can be written", () => {
  const [first, last] = ["0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z"];
  expect(corrected({ timestamp: last, sentAt: first })).toBe(last);
  expect(corrected({ timestamp: first, sentAt: last })).toBe(first);
});
