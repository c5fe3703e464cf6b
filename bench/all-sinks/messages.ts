import { setTimeout as delay } from "node:timers/promises";
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
import type { Tally } from "../kit/tally.ts";
import { type Destination, tallyOfIds } from "./destination.ts";

const CONSUME_EVERY_MS = 500;

/**
 * Takes messages out of a queue as a consumer does, and keeps the ids in them: with thousands waiting, moto
 * takes seconds for a call.
 */
class QueueConsumer implements AsyncDisposable {
  readonly #ids: string[] = [];
  readonly #take: () => Promise<void>;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;

  constructor(moto: Moto, queue: string, idOf: (body: string) => string) {
    this.#take = async () => {
      for (const { Body } of await drainQueue(moto, queue)) this.#ids.push(idOf(Body));
    };
    this.#running = this.#run();
  }

  async tally(): Promise<Tally> {
    await this[Symbol.asyncDispose]();
    await this.#take();
    return tallyOfIds(this.#ids);
  }

  async #run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.#take();
      await delay(CONSUME_EVERY_MS, undefined, { signal }).catch(() => {});
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort();
    await this.#running;
  }
}

const idOfEvent = (body: string): string => (JSON.parse(body) as { id: string }).id;

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
  const consumer = new QueueConsumer(moto, queue, idOfEvent);
  return {
    name: "sqs",
    server: "moto",
    yaml: `type: sqs, queueUrl: "${queue}", region: us-east-1, endpoint: "${moto.url}"`,
    wants: "some",
    stored: () => consumer.tally(),
    [Symbol.asyncDispose]: () => consumer[Symbol.asyncDispose](),
  };
}

export async function sns(moto: Moto): Promise<Destination> {
  const queue = await createQueue(moto, "bench-published");
  const topicArn = await createTopic(moto, "bench-fanout");
  await subscribeQueue(moto, topicArn, "bench-published");
  const consumer = new QueueConsumer(moto, queue, idOfEvent);
  return {
    name: "sns",
    server: "moto",
    yaml: `type: sns, topicArn: "${topicArn}", endpoint: "${moto.url}"`,
    wants: "some",
    stored: () => consumer.tally(),
    [Symbol.asyncDispose]: () => consumer[Symbol.asyncDispose](),
  };
}

export async function eventbridge(moto: Moto): Promise<Destination> {
  const queue = await createQueue(moto, "bench-matched");
  await routeBus(moto, "bench", { source: ["web"] }, "bench-matched");
  const consumer = new QueueConsumer(moto, queue, (body) => (JSON.parse(body) as { detail: { id: string } }).detail.id);
  return {
    name: "eventbridge",
    server: "moto",
    yaml: `type: eventbridge, bus: bench, region: us-east-1, endpoint: "${moto.url}"`,
    wants: "some",
    stored: () => consumer.tally(),
    [Symbol.asyncDispose]: () => consumer[Symbol.asyncDispose](),
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
    for (const line of text.split("\n")) if (line !== "") yield idOfEvent(line);
  }
}
