import { hash, randomUUID } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startFauxqs } from "fauxqs";
import { expect, onTestFinished, test } from "vitest";
import { decodeRecord, type KinesisStandIn, startKinesisStandIn } from "../../src/testing.ts";
import { createQueue, drainQueue } from "../kit/aws-call.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { freePort } from "../kit/free-port.ts";
import { ArchiveBucket } from "../kit/archive-bucket.ts";
import { waitFor } from "../kit/wait-for.ts";

const MiB = 1024 ** 2;
const TEST_MS = 60_000;

interface Pointer {
  readonly id: string;
  readonly type: string;
  readonly data?: unknown;
  readonly dataref?: string;
  readonly datasize?: number;
  readonly datasha256?: string;
}

function config(sink: string): string {
  return `
workers: 1
http: { maxEventBytes: 4MiB, maxRequestBytes: 8MiB }
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources:
  - { name: web, keys: [wk_test] }
sinks:
  - name: stream
    batch: { maxAgeMs: 20 }
    retry: { minDelayMs: 10, maxDelayMs: 200 }
${sink}`;
}

/** A stream that takes 1 MiB, and a folder for what is larger. */
function streamAndFolder(endpoint: string): string {
  return config(`
    type: kinesis
    stream: web-events
    region: us-east-1
    endpoint: ${endpoint}
    oversize: { to: claimCheck, dir: ./data/claims }
`);
}

async function post(collector: CollectorProcess, events: readonly object[]): Promise<void> {
  const reply = await fetch(collector.url, {
    method: "POST",
    headers: { authorization: "Bearer wk_test", "content-type": "application/json" },
    body: JSON.stringify(events),
  });
  expect(reply.status).toBe(201);
}

function eventsIn(standIn: KinesisStandIn): Pointer[] {
  return standIn.records
    .flatMap(({ data, partitionKey }) => decodeRecord(data, partitionKey, "none"))
    .map(({ data }) => JSON.parse(data.toString()) as Pointer);
}

/** What a consumer does: an event by its reference is checked, and put together again. */
async function resolved(
  { dataref, datasize, datasha256, ...event }: Pointer,
  read: (uri: string) => Promise<Buffer>,
): Promise<Pointer> {
  if (dataref === undefined) return event;
  const data = await read(dataref);
  expect([data.length, hash("sha256", data)]).toEqual([datasize, datasha256]);
  return { ...event, data: JSON.parse(data.toString()) };
}

async function readFileAt(uri: string): Promise<Buffer> {
  return readFile(fileURLToPath(uri));
}

test(
  "an event of 2 MiB reaches a stream of 1 MiB as a pointer to what was sent; its neighbours are unaffected",
  async () => {
    await using standIn = await startKinesisStandIn({ shards: 1 });
    await using dir = await temporaryDir();
    await using collector = await CollectorProcess.start(dir.path, streamAndFolder(standIn.url));
    const large = { id: randomUUID(), type: "test.large", data: { text: "zażółć ".repeat((2 * MiB) / 11) } };
    const small = Array.from({ length: 20 }, () => ({ id: randomUUID(), type: "test.small", data: 1 }));
    await post(collector, [...small.slice(0, 10), large, ...small.slice(10)]);
    await collector.settled();
    const arrived = await Promise.all(eventsIn(standIn).map((event) => resolved(event, readFileAt)));
    expect(arrived.length).toBe(21);
    for (const event of [large, ...small]) expect(arrived.find(({ id }) => id === event.id)).toMatchObject(event);
    expect((await collector.ledger()).rows).toMatchObject([{ delivered: 21, deadLettered: 0, held: 0 }]);
    expect(collector.output).toContain("went by claim check");
    const metrics = await (await fetch(`http://127.0.0.1:${collector.adminPort}/metrics`)).text();
    expect(metrics).toMatch(/^millrace_sink_claimed_events_total\{.*\} 1$/m);
  },
  TEST_MS,
);

test(
  "while the claim check is down the event is held and others arrive; after, and after a kill -9 in between, it arrives too",
  async () => {
    await using standIn = await startKinesisStandIn({ shards: 1 });
    await using dir = await temporaryDir();
    const claims = path.join(dir.path, "data/claims");
    await mkdir(path.dirname(claims), { recursive: true });
    const large = { id: randomUUID(), type: "test.large", data: "x".repeat(2 * MiB) };
    const small = Array.from({ length: 20 }, () => ({ id: randomUUID(), type: "test.small", data: 1 }));
    {
      await using collector = await CollectorProcess.start(dir.path, streamAndFolder(standIn.url));
      // From now on a file is where the folder should be.
      await rm(claims, { recursive: true, force: true });
      await writeFile(claims, "");
      await post(collector, [large, ...small]);
      await waitFor(() => standIn.records.length === small.length);
      await waitFor(() => collector.output.includes("cannot store data"));
      expect(eventsIn(standIn).map(({ type }) => type)).toEqual(small.map(() => "test.small"));
      // The cursor is before the large one, and what lies beyond it is not counted yet.
      expect((await collector.ledger()).rows).toMatchObject([{ deadLettered: 0, held: 21 }]);
      await collector.kill();
    }
    await rm(claims);
    await using collector = await CollectorProcess.start(dir.path, streamAndFolder(standIn.url));
    await collector.settled();
    const arrived = await Promise.all(eventsIn(standIn).map((event) => resolved(event, readFileAt)));
    expect(arrived.find(({ id }) => id === large.id)).toMatchObject(large);
    expect((await collector.ledger()).rows).toMatchObject([{ delivered: 21, deadLettered: 0, held: 0 }]);
  },
  TEST_MS,
);

test(
  "with a bucket that is not there at first the event is held, and arrives at the queue once the bucket is",
  async () => {
    const fauxqs = await startFauxqs({ port: await freePort(), host: "127.0.0.1", logger: false });
    onTestFinished(() => fauxqs.stop());
    const server = { url: fauxqs.address };
    const queueUrl = await createQueue(server, "web-events");
    await using dir = await temporaryDir();
    const sink = `
    type: sqs
    queueUrl: ${queueUrl}
    region: us-east-1
    oversize: { to: claimCheck, s3: { bucket: claims, prefix: large/, region: us-east-1, endpoint: "${server.url}" } }
`;
    await using collector = await CollectorProcess.start(dir.path, config(sink));
    const large = { id: randomUUID(), type: "test.large", data: "x".repeat(2 * MiB) };
    const small = Array.from({ length: 20 }, () => ({ id: randomUUID(), type: "test.small", data: 1 }));
    await post(collector, [large, ...small]);
    const arrived: Pointer[] = [];
    const receive = async (): Promise<number> => {
      const messages = await drainQueue(server, queueUrl);
      return arrived.push(...messages.map(({ Body }) => JSON.parse(Body) as Pointer));
    };
    await waitFor(async () => (await receive()) === small.length);
    await waitFor(() => collector.output.includes("cannot store data"));
    expect(collector.output, "at the start, too").toContain("the bucket claims of the claim check cannot be looked at");

    using bucket = await ArchiveBucket.create(server.url, "claims");
    await collector.settled();
    await waitFor(async () => (await receive()) === small.length + 1);
    const read = async (uri: string) => bucket.bytesOf(uri.replace("s3://claims/", ""));
    const whole = await Promise.all(arrived.map((event) => resolved(event, read)));
    expect(whole.find(({ id }) => id === large.id)).toMatchObject(large);
    expect((await bucket.keys()).length).toBe(1);
    expect((await collector.ledger()).rows).toMatchObject([{ delivered: 21, deadLettered: 0, held: 0 }]);
  },
  TEST_MS,
);
