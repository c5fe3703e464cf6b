import type { LifecycleRule } from "@aws-sdk/client-s3";
import { describe, expect, test } from "vitest";
import { type BucketState, planBucket } from "./bucket-setup.ts";
import { type S3Config, s3Config } from "./config.ts";
import { planLifecycle, rulesOf } from "./lifecycle.ts";

const FOREIGN: LifecycleRule = { ID: "logs", Status: "Enabled", Filter: { Prefix: "logs/" }, Expiration: { Days: 3 } };

function sink(change: object = {}): S3Config {
  const least = { name: "archive", type: "s3", bucket: "events", region: "us-east-1", prefix: "web" };
  return s3Config.parse({ ...least, ...change });
}

function changesOf(sinks: readonly S3Config[], existing: readonly LifecycleRule[], isVersioned = false) {
  return planLifecycle(sinks, existing, isVersioned).changes.map(({ kind, does }) => `${kind} ${does}`);
}

describe("the rules of a bucket", () => {
  test("get what a sink's retention asks for", () => {
    const retention = {
      expireDays: 400,
      transitions: [
        { afterDays: 30, storageClass: "STANDARD_IA" },
        { afterDays: 90, storageClass: "DEEP_ARCHIVE" },
      ],
    };
    expect(changesOf([sink({ retention })], [])).toEqual([
      "added web/*: move to STANDARD_IA after 30 days, move to DEEP_ARCHIVE after 90 days, delete after 400 days, abort unfinished uploads after 7 days",
    ]);
  });

  test("keep objects for ever unless told otherwise, and unfinished uploads for a week", () => {
    expect(changesOf([sink()], [])).toEqual(["added web/*: abort unfinished uploads after 7 days"]);
  });

  test("take what versions hide for good, too", () => {
    expect(changesOf([sink({ retention: { expireDays: 30 } })], [], true)).toEqual([
      "added web/*: delete after 30 days, delete old versions after 1 day, abort unfinished uploads after 7 days",
      "added web/*: delete markers that hide nothing",
    ]);
  });

  test("of others stay, wherever they are, and so do those of sinks that are not configured here", () => {
    const [gone] = rulesOf(sink({ name: "gone" }), false);
    const existing = [FOREIGN, ...(gone === undefined ? [] : [gone])];
    const plan = planLifecycle([sink()], existing, false);
    expect(plan.rules.slice(0, 2)).toEqual(existing);
    expect(plan.rules.length).toBe(3);
    expect(plan.others).toEqual(existing.map(({ ID }) => ID));
  });

  test("are changed in their place, and once they are as wanted there is nothing to do", () => {
    const before = rulesOf(sink({ retention: { expireDays: 30 } }), false);
    const now = [sink({ retention: { expireDays: 60 } })];
    const { rules, changes } = planLifecycle(now, [FOREIGN, ...before], false);
    expect(changes.map(({ kind }) => kind)).toEqual(["changed"]);
    expect(rules.length).toBe(2);
    expect(changesOf(now, rules).map((change) => change.split(" ")[0])).toEqual(["kept"]);
  });

  test("that someone switched off are switched on again", () => {
    const off = rulesOf(sink(), false).map((rule): LifecycleRule => ({ ...rule, Status: "Disabled" }));
    expect(changesOf([sink()], off)[0]).toMatch(/^changed/);
  });

  test("are never of the whole bucket", () => {
    const key = "{node}/{slot}-{position}-{hash}";
    const plan = planLifecycle([sink({ prefix: "", key })], [], false);
    expect(plan.rules).toEqual([]);
    expect(plan.problems).toEqual([expect.stringContaining("give it a prefix")]);
  });

  test("do not reach into another sink's prefix", () => {
    const sinks = [sink(), sink({ name: "inner", prefix: "web/inner" })];
    const plan = planLifecycle(sinks, [], false);
    expect(plan.problems).toEqual([expect.stringContaining("sinks archive and inner share the prefix web/")]);
    expect(plan.changes.length).toBe(1);
    const inner = sink({ name: "inner", prefix: "web/inner" });
    expect(planLifecycle([sink()], [], false, [inner]).problems).toEqual(plan.problems);
  });
});

describe("a bucket", () => {
  const state: BucketState = {
    exists: true,
    versioning: false,
    objectLock: false,
    publicAccessBlocked: true,
    rules: [],
    minimumSize: undefined,
  };
  const options = { createBucket: false, blockPublicAccess: false };
  const lock = { objectLock: { mode: "COMPLIANCE", retainDays: 30 } };

  test("that is missing is made only when that was asked for, with Object Lock where a sink needs it", () => {
    const missing = { ...state, exists: false, publicAccessBlocked: undefined };
    expect(planBucket([sink()], missing, options)).toMatchObject({
      createBucket: false,
      changes: false,
      problems: [expect.stringContaining("there is no such bucket")],
    });
    expect(planBucket([sink(lock)], missing, { ...options, createBucket: true })).toMatchObject({
      createBucket: true,
      objectLock: true,
      blockPublicAccess: true,
      problems: [],
    });
  });

  test("without Object Lock is a problem for a sink that needs it", () => {
    expect(planBucket([sink(lock)], state, options).problems).toEqual([expect.stringContaining("has no Object Lock")]);
    expect(planBucket([sink(lock)], { ...state, objectLock: undefined }, options)).toMatchObject({
      problems: [],
      notes: [expect.stringContaining("cannot be seen")],
    });
  });

  test("that is open is closed only when that was asked for", () => {
    const open = { ...state, publicAccessBlocked: false };
    expect(planBucket([sink()], open, options)).toMatchObject({
      blockPublicAccess: false,
      notes: [expect.stringContaining("--block-public-access")],
    });
    expect(planBucket([sink()], open, { ...options, blockPublicAccess: true }).blockPublicAccess).toBe(true);
  });
});
