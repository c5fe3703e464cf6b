import { startFauxqs } from "fauxqs";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { ArchiveBucket } from "../kit/archive-bucket.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { SearchNode, whyNoServer } from "../kit/opensearch.ts";
import { runMillrace } from "../kit/replay-kit.ts";
import { sendEvents } from "../kit/sender.ts";

let node: SearchNode | undefined;

beforeAll(async () => {
  node = await SearchNode.start();
}, 600_000);

beforeEach((context) => {
  if (whyNoServer !== "") context.skip(whyNoServer);
});

afterAll(async () => {
  await node?.[Symbol.asyncDispose]();
});

test("an event is found again in archive, search and local files with one command, while the collector runs", async () => {
  if (node === undefined) throw new Error("there is no server");
  await using dir = await temporaryDir();
  const s3 = await startFauxqs({ port: 0, logger: false, host: "127.0.0.1" });
  await using _s3 = { [Symbol.asyncDispose]: () => s3.stop() };
  const endpoint = `http://127.0.0.1:${s3.port}`;
  using _bucket = await ArchiveBucket.create(endpoint, "archive");
  const search = `type: opensearch, urls: ["${node.url}"], dataStream: false, batch: { maxAgeMs: 50 }`;
  await using collector = await CollectorProcess.start(
    dir.path,
    `
workers: 1
journal: { retainMs: 600000 }
sources: [{ name: web, keys: [wk_web] }]
sinks:
  - { name: files, type: file, dir: ./files, compression: zstd, fileAgeMs: 100, batch: { maxAgeMs: 50 } }
  - { name: archive, type: s3, bucket: archive, region: us-east-1, endpoint: "${endpoint}", batch: { maxAgeMs: 50 } }
  - { name: search, ${search}, index: events }
  - { name: unnamed, ${search}, index: unnamed, documentId: none }
`,
  );
  const events = { events: 200, eventsPerRequest: 20, connections: 2 };
  const { acknowledged } = await sendEvents({ url: collector.url, key: "wk_web", ...events });
  await collector.settled(60_000);
  expect(await node.count("events")).toBe(200);
  expect(await node.count("unnamed")).toBe(200);
  const [id = ""] = acknowledged;

  // A file gets its final name a moment after what it holds is delivered.
  await expect
    .poll(
      async () => {
        const { stdout } = await runMillrace(dir.path, ["find", id, "--json"]);
        const { found, problems } = JSON.parse(stdout) as {
          found: { in: string; sink?: string; event: string }[];
          problems: string[];
        };
        expect(problems).toEqual([]);
        for (const { event } of found) expect(JSON.parse(event)).toMatchObject({ id, type: "test.sent" });
        return found.map((one) => `${one.in} ${one.sink ?? ""}`.trim());
      },
      { timeout: 30_000, interval: 500 },
    )
    .toEqual(["journal", "opensearch search", "opensearch unnamed", "archive files", "archive archive"]);
}, 180_000);
