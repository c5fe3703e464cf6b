import { expect, test } from "vitest";
import { oversizeField } from "./oversize-field.ts";

test("what is too large goes to the dead letters unless it is configured otherwise", () => {
  expect(oversizeField.parse(undefined)).toEqual({ to: "deadLetter", maxWaitMs: 0 });
});

test.each([
  ["a claim check without a place", { to: "claimCheck" }, "either dir or s3"],
  [
    "a claim check with two places",
    { to: "claimCheck", dir: "a", s3: { bucket: "abc", region: "us-east-1" } },
    "either dir or s3",
  ],
  ["a place for dead letters", { dir: "a" }, "for `to: claimCheck`"],
  ["a wait for dead letters", { maxWaitMs: 1 }, "for `to: claimCheck`"],
  [
    "an age for a bucket",
    { to: "claimCheck", maxAgeMs: 60_000, s3: { bucket: "abc", region: "us-east-1" } },
    "lifecycle rules",
  ],
  [
    "a prefix that is no folder",
    { to: "claimCheck", s3: { bucket: "abc", region: "us-east-1", prefix: "a" } },
    "end with /",
  ],
])("refuses %s", (_, config, message) => {
  const { error } = oversizeField.safeParse(config);
  expect(error?.issues.map((issue) => issue.message).join()).toContain(message);
});
