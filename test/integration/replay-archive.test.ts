import { writeFile } from "node:fs/promises";
import path from "node:path";
import { startFauxqs } from "fauxqs";
import { afterAll, beforeAll, expect, test } from "vitest";
import { ArchiveBucket } from "../kit/archive-bucket.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { archivedEvents, archivedLines, runMillrace } from "../kit/replay-kit.ts";
import { sendEvents } from "../kit/sender.ts";
import { waitFor } from "../kit/wait-for.ts";

const EVENTS = 600;
const BATCH = "fileAgeMs: 100, batch: { maxAgeMs: 100, maxEvents: 100 }";

let dir: Awaited<ReturnType<typeof temporaryDir>>;
let s3: Awaited<ReturnType<typeof startFauxqs>>;
let sent: string[];

function configWith(sinks: string): string {
  return `
workers: 2
journal: { retainMs: 600000 }
sources: [{ name: web, keys: [wk_web] }]
sinks:
  - { name: plain, type: file, dir: ./plain, ${BATCH} }
  - { name: gzip, type: file, dir: ./gzip, compression: gzip, ${BATCH} }
  - { name: zstd, type: file, dir: ./zstd, compression: zstd, ${BATCH} }
  - { name: parquet, type: file, dir: ./parquet, format: parquet, batch: { maxAgeMs: 100, maxEvents: 200 } }
  - { name: bucket, type: s3, bucket: archive, prefix: events, region: us-east-1, endpoint: "${s3Url()}", batch: { maxAgeMs: 100 } }
  - { name: lake, type: s3, bucket: archive, prefix: lake, format: parquet, region: us-east-1, endpoint: "${s3Url()}", batch: { maxAgeMs: 100 } }
${sinks}
`;
}

function s3Url(): string {
  return `http://127.0.0.1:${s3.port}`;
}

beforeAll(async () => {
  s3 = await startFauxqs({ port: 0, logger: false, host: "127.0.0.1" });
  dir = await temporaryDir();
  using _bucket = await ArchiveBucket.create(s3Url(), "archive");
  const env = { AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" };
  await using collector = await CollectorProcess.start(dir.path, configWith(""), env);
  const { acknowledged } = await sendEvents({
    url: collector.url,
    key: "wk_web",
    events: EVENTS,
    eventsPerRequest: 20,
    connections: 4,
  });
  sent = [...acknowledged].toSorted();
  expect(sent).toHaveLength(EVENTS);
  await collector.settled();
  collector.signal("SIGTERM");
  expect(await collector.exited()).toBe(0);
  // What the replays go to: sinks that the collector never had.
  const targets = ["plain", "gzip", "zstd", "parquet", "bucket", "lake", "journal", "stopped"];
  const sinks = targets.map((name) => `  - { name: to-${name}, type: file, dir: ./to-${name}, ${BATCH} }`);
  await writeFile(path.join(dir.path, "replay.yaml"), `listen: { port: 0 }\n${configWith(sinks.join("\n"))}`);
}, 120_000);

afterAll(async () => {
  await s3.stop();
  await dir[Symbol.asyncDispose]();
});

function millrace(...args: string[]) {
  return runMillrace(dir.path, [...args, "--config", "replay.yaml", "--json"]);
}

async function textsIn(folder: string): Promise<string[]> {
  return (await archivedLines(path.join(dir.path, folder))).toSorted();
}

test.each(["gzip", "zstd", "parquet", "bucket", "lake"])(
  "an archive comes back byte for byte: %s",
  async (archive) => {
    const to = `to-${archive}`;
    const result = await millrace("replay", "--from", "archive", "--archive", archive, "--to", to);
    expect(result.stderr).toBe("");
    expect(JSON.parse(result.stdout)).toMatchObject({
      replays: [
        { to, isThrough: true, ledger: { read: EVENTS, delivered: EVENTS, refused: {}, skipped: {}, notSent: 0 } },
      ],
    });
    expect(result.code).toBe(0);
    expect(await textsIn(to)).toEqual(await textsIn("plain"));
  },
  60_000,
);

test("an archive is replayed by type, filter and time, and a dry run says how much that is", async () => {
  const args = ["replay", "--from", "archive", "--archive", "plain", "--to", "to-plain", "--dry-run"];
  const some = await millrace(...args, "--type", "test.*", "--filter", "data.index < 5", "--since", "1d");
  const { replays } = JSON.parse(some.stdout);
  const chosen = (await archivedEvents(path.join(dir.path, "plain"))).filter(
    ({ data }) => (data as { index: number }).index < 5,
  ).length;
  expect(replays).toMatchObject([{ read: EVENTS, wouldSend: chosen, skipped: { filtered: EVENTS - chosen } }]);
  const none = await millrace(...args, "--until", "1d");
  // Not a folder of them is opened.
  expect(JSON.parse(none.stdout)).toMatchObject({ replays: [{ read: 0, wouldSend: 0 }] });
}, 60_000);

test("the journal's history is replayed while no collector runs", async () => {
  const result = await millrace("replay", "--from", "journal", "--to", "to-journal");
  expect(JSON.parse(result.stdout)).toMatchObject({ replays: [{ ledger: { read: EVENTS, delivered: EVENTS } }] });
  expect(await textsIn("to-journal")).toEqual(await textsIn("plain"));
}, 60_000);

test("a replay that is stopped and resumed sends each event once", async () => {
  const args = ["replay", "--from", "archive", "--archive", "plain", "--to", "to-stopped", "--run", "night"];
  const stopped = await runMillrace(
    dir.path,
    [...args, "--rate", "150", "--config", "replay.yaml", "--json"],
    (child) => {
      void waitFor(async () => (await textsIn("to-stopped")).length > 50).then(() => child.kill("SIGINT"));
    },
  );
  expect(stopped.code).toBe(4);
  const first = JSON.parse(stopped.stdout).replays[0];
  expect(first).toMatchObject({ run: "night", isThrough: false });
  expect(first.ledger.delivered).toBeLessThan(EVENTS);
  expect(await millrace(...args)).toMatchObject({ code: 2 });

  const resumed = await millrace("replay", "--resume", "night");
  expect(JSON.parse(resumed.stdout)).toMatchObject({
    replays: [{ run: "night", isThrough: true, ledger: { read: EVENTS, delivered: EVENTS, notSent: 0 } }],
  });
  expect(resumed.code).toBe(0);
  expect(await textsIn("to-stopped")).toEqual(await textsIn("plain"));
  expect(await millrace("replay", "--resume", "night")).toMatchObject({ code: 2 });
}, 90_000);

test("an event is found by its id in the journal and in every archive with one command", async () => {
  const id = sent[17] ?? "";
  const found = await millrace("find", id);
  expect(found.code).toBe(0);
  const { found: places, problems } = JSON.parse(found.stdout);
  expect(problems).toEqual([]);
  const at = places.map((place: { in: string; sink?: string }) => `${place.in} ${place.sink ?? ""}`.trim());
  expect(at).toEqual(
    expect.arrayContaining([
      "journal",
      "archive plain",
      "archive gzip",
      "archive zstd",
      "archive parquet",
      "archive bucket",
      "archive lake",
    ]),
  );
  for (const { event } of places) expect(JSON.parse(event).id).toBe(id);
  const line = places.find(({ sink }: { sink?: string }) => sink === "plain").at;
  expect(line).toMatch(/plain\/dt=.*\.ndjson:\d+$/);
  expect(await millrace("find", "nobody")).toMatchObject({ code: 5 });
  expect(await millrace("find", id, "--until", "1d", "--in", "archive")).toMatchObject({ code: 5 });
  const named = await millrace("find", id, "--bucket", "archive", "--prefix", "events/", "--endpoint", s3Url());
  expect(JSON.parse(named.stdout).found).toMatchObject([
    { in: "archive", at: expect.stringMatching(/^s3:\/\/archive\/events\//) },
  ]);
}, 60_000);
