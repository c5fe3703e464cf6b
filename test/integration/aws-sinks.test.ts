import { afterAll, expect, test } from "vitest";
import {
  type AwsServer,
  createFirehoseStream,
  createQueue,
  createTopic,
  drainQueue,
  routeBus,
  subscribeQueue,
} from "../kit/aws-call.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { startMoto, whyNoMoto } from "../kit/moto.ts";
import { ArchiveBucket } from "../kit/archive-bucket.ts";
import { sendEvents } from "../kit/sender.ts";

const EVENTS = 200;
const TEST_MS = 120_000;

const moto = await startMoto();
afterAll(() => moto?.[Symbol.asyncDispose]());

/** Everything that events are sent to, and queues that tell what came there. */
async function prepare(server: AwsServer) {
  const bucket = await ArchiveBucket.create(server.url, "lake");
  await createFirehoseStream(server, "web-events", "lake");
  const jobs = await createQueue(server, "jobs");
  const published = await createQueue(server, "published");
  const topicArn = await createTopic(server, "fanout");
  await subscribeQueue(server, topicArn, "published");
  const matched = await createQueue(server, "matched");
  await routeBus(server, "shop", { source: ["web"], "detail-type": ["test.sent"] }, "matched");
  return { bucket, jobs, published, matched, topicArn };
}

function config(endpoint: string, { jobs, topicArn }: { readonly jobs: string; readonly topicArn: string }): string {
  const common = `endpoint: "${endpoint}", batch: { maxAgeMs: 50 }`;
  return `
workers: 1
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources:
  - { name: web, keys: [wk_test] }
sinks:
  - { name: lake, type: firehose, stream: web-events, region: us-east-1, ${common} }
  - { name: jobs, type: sqs, queueUrl: "${jobs}", region: us-east-1, eventsPerMessage: 3, ${common} }
  - { name: fanout, type: sns, topicArn: "${topicArn}", ${common} }
  - { name: bus, type: eventbridge, bus: shop, region: us-east-1, ${common} }
`;
}

/** The ids in texts of JSON, one or more lines each. */
function idsIn(texts: readonly string[]): string[] {
  const lines = texts.flatMap((text) => text.split("\n")).filter((line) => line !== "");
  return lines.map((line) => (JSON.parse(line) as { id: string }).id).toSorted();
}

test(
  "one collector delivers to Firehose, SQS, SNS and EventBridge: each holds what was acknowledged, once",
  async (context) => {
    if (moto === undefined) return context.skip(whyNoMoto);
    const places = await prepare(moto);
    await using dir = await temporaryDir();
    await using collector = await CollectorProcess.start(dir.path, config(moto.url, places));
    const sending = { url: collector.url, key: "wk_test", events: EVENTS, eventsPerRequest: 10, connections: 4 };
    const { acknowledged } = await sendEvents(sending);
    expect(acknowledged.size).toBe(EVENTS);
    const ledger = await collector.settled(60_000);
    expect(Object.fromEntries(ledger.rows.map(({ sink, delivered }) => [sink, delivered]))).toEqual({
      lake: EVENTS,
      jobs: EVENTS,
      fanout: EVENTS,
      bus: EVENTS,
    });

    const sent = [...acknowledged].toSorted();
    const bodies = async (queue: string) => (await drainQueue(moto, queue)).map(({ Body }) => Body);
    expect(idsIn((await places.bucket.readAll()).map(String)), "Firehose").toEqual(sent);
    expect(idsIn(await bodies(places.jobs)), "SQS").toEqual(sent);
    expect(idsIn(await bodies(places.published)), "SNS").toEqual(sent);
    const details = (await bodies(places.matched)).map((body) =>
      JSON.stringify((JSON.parse(body) as { detail: unknown }).detail),
    );
    expect(idsIn(details), "EventBridge").toEqual(sent);
    // None of them says that its destination is not as it should be.
    expect(collector.output).not.toContain("destination");
    places.bucket[Symbol.dispose]();
  },
  TEST_MS,
);
