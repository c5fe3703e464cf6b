import { writeFile } from "node:fs/promises";
import path from "node:path";
import { Readable, Writable } from "node:stream";
import {
  GetBucketLifecycleConfigurationCommand,
  GetObjectLockConfigurationCommand,
  GetPublicAccessBlockCommand,
  type LifecycleRule,
  PutBucketLifecycleConfigurationCommand,
} from "@aws-sdk/client-s3";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import { runCli } from "../../src/cli/run-cli.ts";
import { ArchiveBucket } from "../kit/archive-bucket.ts";
import { temporaryDir } from "../kit/collector-process.ts";
import { startMoto, whyNoMoto } from "../kit/moto.ts";

beforeEach(() => {
  vi.stubEnv("AWS_PROFILE", undefined);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
});

afterEach(() => vi.unstubAllEnvs());

/** Runs `millrace setup s3` on sinks of a moto, in this process. */
async function setUp(endpoint: string, sinks: readonly object[], ...args: string[]) {
  await using dir = await temporaryDir();
  const least = { type: "s3", region: "us-east-1", endpoint };
  const config = {
    sources: [{ name: "web", keys: ["wk_test"] }],
    sinks: sinks.map((sink) => ({ ...least, ...sink })),
  };
  await writeFile(path.join(dir.path, "millrace.json"), JSON.stringify(config));
  const output = { text: "" };
  const collect = () =>
    new Writable({
      write(chunk: Buffer, _encoding, done) {
        output.text += chunk.toString();
        done();
      },
    });
  const context = { stdin: Readable.from([]), stdout: collect(), stderr: collect(), env: process.env, cwd: dir.path };
  const code = await runCli(["setup", "s3", ...args], context);
  return { code, text: output.text };
}

async function rulesIn(bucket: ArchiveBucket): Promise<LifecycleRule[]> {
  const command = new GetBucketLifecycleConfigurationCommand({ Bucket: bucket.name });
  return (await bucket.client.send(command)).Rules ?? [];
}

test("millrace setup s3 shows what it would do, does it when told to, and then finds nothing to do", async ({
  skip,
}) => {
  await using moto = await startMoto();
  if (moto === undefined) return skip(whyNoMoto);
  const { url } = moto;
  const archive = {
    name: "archive",
    bucket: "archive",
    prefix: "web",
    objectLock: { mode: "GOVERNANCE", retainDays: 30 },
    retention: { expireDays: 400, transitions: [{ afterDays: 90, storageClass: "GLACIER" }] },
  };

  // Nothing is there.
  expect(await setUp(url, [archive])).toMatchObject({
    code: 1,
    text: expect.stringContaining("there is no such bucket"),
  });
  const shown = await setUp(url, [archive], "--create");
  expect(shown).toMatchObject({ code: 0, text: expect.stringContaining("+ create the bucket, with Object Lock") });
  expect(shown.text).toContain("Nothing was changed. Run again with --apply to do it.");
  expect((await setUp(url, [archive], "--create", "--check")).code).toBe(1);

  // It is made.
  const made = await setUp(url, [archive], "--create", "--apply");
  expect(made).toMatchObject({ code: 0, text: expect.stringContaining("done    s3://archive") });
  using bucket = ArchiveBucket.of(url, "archive");
  const Bucket = bucket.name;
  const lock = await bucket.client.send(new GetObjectLockConfigurationCommand({ Bucket }));
  expect(lock.ObjectLockConfiguration?.ObjectLockEnabled).toBe("Enabled");
  const access = await bucket.client.send(new GetPublicAccessBlockCommand({ Bucket }));
  expect(access.PublicAccessBlockConfiguration).toMatchObject({ BlockPublicPolicy: true, RestrictPublicBuckets: true });
  expect(await rulesIn(bucket)).toMatchObject([
    {
      Filter: { Prefix: "web/" },
      Status: "Enabled",
      Expiration: { Days: 400 },
      Transitions: [{ Days: 90, StorageClass: "GLACIER" }],
      NoncurrentVersionExpiration: { NoncurrentDays: 1 },
      AbortIncompleteMultipartUpload: { DaysAfterInitiation: 7 },
    },
    { Filter: { Prefix: "web/" }, Expiration: { ExpiredObjectDeleteMarker: true } },
  ]);
  expect(await setUp(url, [archive], "--check")).toMatchObject({
    code: 0,
    text: expect.stringContaining("There is nothing to do."),
  });

  // Rules of others stay when ours change.
  const foreign: LifecycleRule = {
    ID: "logs",
    Status: "Enabled",
    Filter: { Prefix: "logs/" },
    Expiration: { Days: 3 },
  };
  await bucket.client.send(
    new PutBucketLifecycleConfigurationCommand({
      Bucket,
      LifecycleConfiguration: { Rules: [foreign, ...(await rulesIn(bucket))] },
    }),
  );
  const longer = { ...archive, retention: { expireDays: 800 } };
  const changed = await setUp(url, [longer], "--apply", "--json");
  expect(changed.code).toBe(0);
  expect(JSON.parse(changed.text)).toMatchObject([
    { bucket: "archive", exists: true, objectLock: true, changes: true, applied: true, failure: null },
  ]);
  const rules = await rulesIn(bucket);
  expect(rules.map(({ Expiration }) => Expiration?.Days)).toEqual([3, 800, undefined]);
  expect(rules[0]).toMatchObject(foreign);
  expect((await setUp(url, [longer, { name: "other", bucket: "none" }], "--sink", "archive")).code).toBe(0);
  expect((await setUp(url, [longer], "--sink", "nope")).code).toBe(2);

  // Nor does a rule of one sink reach the objects of one that is not set up.
  const inner = { name: "inner", bucket: "archive", prefix: "web/inner" };
  const reaching = await setUp(url, [longer, inner], "--sink", "archive", "--apply");
  expect(reaching).toMatchObject({ code: 1, text: expect.stringContaining("archive and inner share the prefix") });
}, 360_000);
