import { gunzipSync } from "node:zlib";
import { ArchiveBucket } from "../../test/kit/archive-bucket.ts";
import {
  createFirehoseStream,
  createQueue,
  createTopic,
  drainQueue,
  routeBus,
  subscribeQueue,
} from "../../test/kit/aws-call.ts";
import { CollectorProcess, temporaryDir } from "../../test/kit/collector-process.ts";
import type { Moto } from "../../test/kit/moto.ts";
import { files } from "./archives.ts";
import { type Destination, tallyOfIds } from "./destination.ts";

const nothing = async (): Promise<void> => {};

export async function firehose(moto: Moto): Promise<Destination> {
  const bucket = await ArchiveBucket.create(moto.url, "bench-lake");
  await createFirehoseStream(moto, "bench", "bench-lake");
  return {
    name: "firehose",
    server: "moto",
    yaml: `type: firehose, stream: bench, region: us-east-1, endpoint: "${moto.url}"`,
    wants: "some",
    async stored() {
      const texts: string[] = [];
      for (const key of await bucket.keys()) {
        const bytes = await bucket.bytesOf(key);
        texts.push((bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString());
      }
      return tallyOfIds(idsIn(texts));
    },
    async [Symbol.asyncDispose]() {
      bucket[Symbol.dispose]();
    },
  };
}

export async function sqs(moto: Moto): Promise<Destination> {
  const queue = await createQueue(moto, "bench-jobs");
  return {
    name: "sqs",
    server: "moto",
    yaml: `type: sqs, queueUrl: "${queue}", region: us-east-1, endpoint: "${moto.url}"`,
    wants: "some",
    stored: async () => tallyOfIds(idsIn((await drainQueue(moto, queue)).map(({ Body }) => Body))),
    [Symbol.asyncDispose]: nothing,
  };
}

export async function sns(moto: Moto): Promise<Destination> {
  const queue = await createQueue(moto, "bench-published");
  const topicArn = await createTopic(moto, "bench-fanout");
  await subscribeQueue(moto, topicArn, "bench-published");
  return {
    name: "sns",
    server: "moto",
    yaml: `type: sns, topicArn: "${topicArn}", endpoint: "${moto.url}"`,
    wants: "some",
    stored: async () => tallyOfIds(idsIn((await drainQueue(moto, queue)).map(({ Body }) => Body))),
    [Symbol.asyncDispose]: nothing,
  };
}

export async function eventbridge(moto: Moto): Promise<Destination> {
  const queue = await createQueue(moto, "bench-matched");
  await routeBus(moto, "bench", { source: ["web"] }, "bench-matched");
  return {
    name: "eventbridge",
    server: "moto",
    yaml: `type: eventbridge, bus: bench, region: us-east-1, endpoint: "${moto.url}"`,
    wants: "some",
    async stored() {
      const bodies = (await drainQueue(moto, queue)).map(({ Body }) => JSON.parse(Body) as { detail: { id: string } });
      return tallyOfIds(bodies.map(({ detail }) => detail.id));
    },
    [Symbol.asyncDispose]: nothing,
  };
}

/** Another collector, to which this one relays. */
export async function http(): Promise<Destination> {
  await using opened = new AsyncDisposableStack();
  const dir = opened.use(await temporaryDir());
  const region = await CollectorProcess.start(
    dir.path,
    `
workers: 1
journal: { dir: ./data/journal }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources: [{ name: edge, keys: [wk_edge], relay: true }]
sinks: [{ name: files, ${files("events").yaml} }]
`,
  );
  opened.defer(() => region.kill());
  const held = files(`${dir.path}/events`);
  const stack = opened.move();
  return {
    name: "http",
    server: "another Millrace",
    yaml: `type: http, url: "${region.url}", millrace: { key: wk_edge, ack: durable }`,
    wants: "all",
    async stored() {
      await region.settled();
      return held.stored();
    },
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

/** Texts of JSON, one or more lines each. */
function* idsIn(texts: readonly string[]): Iterable<string> {
  for (const text of texts) {
    for (const line of text.split("\n")) if (line !== "") yield (JSON.parse(line) as { id: string }).id;
  }
}
