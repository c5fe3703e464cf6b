import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { startFauxqs } from "fauxqs";
import { afterAll, describe, expect, test, vi } from "vitest";
import { snsConfig } from "../../src/sinks/sns/config.ts";
import { createSnsSink } from "../../src/sinks/sns/sink.ts";
import { type AwsServer, createQueue, createTopic, drainQueue, subscribeQueue } from "../kit/aws-call.ts";
import { faultsOn, startBreakableProxy } from "../kit/breakable-proxy.ts";
import { freePort } from "../kit/free-port.ts";
import { startMoto, whyNoMoto } from "../kit/moto.ts";
import { describeSinkConformance, type SinkHarness, sampleEvents } from "./sink-conformance.ts";

vi.stubEnv("AWS_PROFILE", undefined);
vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");

interface Options {
  readonly fifo?: boolean;
  readonly filterPolicy?: object;
}

interface QueueHarness extends SinkHarness {
  delivered(): Promise<readonly Buffer[]>;
}

/** A topic, and a queue that gets what is published there. */
async function openHarness(server: AwsServer | undefined, options: Options = {}): Promise<QueueHarness> {
  assert(server !== undefined, "there is a server unless the test is skipped");
  const proxy = await startBreakableProxy(server.url);
  const name = `${randomUUID()}${options.fifo === true ? ".fifo" : ""}`;
  const [queueUrl, topicArn] = [await createQueue(server, name), await createTopic(server, name)];
  await subscribeQueue(server, topicArn, name, options.filterPolicy);
  const config = { name: "topic", type: "sns", topicArn, endpoint: proxy.url };
  const sink = createSnsSink(snsConfig.parse(config), {});
  const bodies: string[] = [];
  const received = async (): Promise<readonly string[]> => {
    bodies.push(...(await drainQueue(server, queueUrl)).map(({ Body }) => Body));
    return bodies;
  };
  return {
    sink,
    delivered: async () => (await received()).map((body) => Buffer.from(body)),
    countedBytes: async () => (await received()).reduce((sum, body) => sum + Buffer.byteLength(body), 0),
    ...faultsOn(proxy),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await sink.close();
    },
  };
}

const moto = await startMoto();
afterAll(() => moto?.[Symbol.asyncDispose]());

describeSinkConformance("sns (moto, a queue as subscriber)", () => openHarness(moto), whyNoMoto);

describe("with fauxqs", async () => {
  const fauxqs = await startFauxqs({ port: await freePort(), host: "127.0.0.1", logger: false });
  const server = { url: fauxqs.address };
  afterAll(() => fauxqs.stop());

  test("subscriptions filter by type and source", async () => {
    await using taking = await openHarness(server, { filterPolicy: { type: ["conformance.event"], source: ["web"] } });
    await using other = await openHarness(server, { filterPolicy: { type: ["another"] } });
    for (const { sink } of [taking, other]) {
      expect(await sink.write(sampleEvents(10), AbortSignal.timeout(10_000))).toEqual({ kind: "delivered" });
    }
    expect((await taking.delivered()).length).toBe(10);
    expect(await other.delivered()).toEqual([]);
  });

  test("a FIFO topic takes an event once, however often it is sent", async () => {
    await using harness = await openHarness(server, { fifo: true });
    const write = () => harness.sink.write(sampleEvents(10), AbortSignal.timeout(10_000));
    expect(await write()).toEqual({ kind: "delivered" });
    expect(await write()).toEqual({ kind: "delivered" });
    expect((await harness.delivered()).length).toBe(10);
  });

  test("a call of exactly 256 KiB, attributes included, is taken", async () => {
    await using harness = await openHarness(server);
    const counted = (padding: number) => Math.max(...sampleEvents(1, padding).map((e) => harness.sink.eventBytes(e)));
    const padding = harness.sink.limits.maxBytes - counted(0);
    expect(counted(padding)).toBe(256 * 1024);
    const receipt = await harness.sink.write(sampleEvents(1, padding), AbortSignal.timeout(10_000));
    expect(receipt).toEqual({ kind: "delivered" });
  });

  test("a topic that is not there is a problem when checked", async () => {
    const topicArn = "arn:aws:sns:us-east-1:000000000000:nowhere";
    const sink = createSnsSink(snsConfig.parse({ name: "topic", type: "sns", topicArn, endpoint: server.url }), {});
    expect(await sink.check(AbortSignal.timeout(5_000))).toEqual([expect.stringContaining("there is no such topic")]);
    await sink.close();
  });
});
