import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { startFauxqs } from "fauxqs";
import { afterAll, describe, expect, test, vi } from "vitest";
import { sqsConfig } from "../../src/sinks/sqs/config.ts";
import { createSqsSink } from "../../src/sinks/sqs/sink.ts";
import { type AwsServer, createQueue, drainQueue } from "../kit/aws-call.ts";
import { faultsOn, startBreakableProxy } from "../kit/breakable-proxy.ts";
import { freePort } from "../kit/free-port.ts";
import { startMoto, whyNoMoto } from "../kit/moto.ts";
import { collectedEvent, describeSinkConformance, type SinkHarness, sampleEvents } from "./sink-conformance.ts";

vi.stubEnv("AWS_PROFILE", undefined);
vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");

interface QueueHarness extends SinkHarness {
  delivered(): Promise<readonly Buffer[]>;
}

/** The suite wants batches of 50 events and small limits. */
const PACKED = { eventsPerMessage: 6, batch: { maxBytes: "200KiB" } };

async function openHarness(server: AwsServer | undefined, change: object, name = randomUUID()): Promise<QueueHarness> {
  assert(server !== undefined, "there is a server unless the test is skipped");
  const proxy = await startBreakableProxy(server.url);
  const queueUrl = await createQueue(server, name);
  const sink = createSqsSink(
    sqsConfig.parse({
      name: "queue",
      type: "sqs",
      queueUrl,
      region: "us-east-1",
      endpoint: proxy.url,
      ...change,
    }),
    {},
  );
  const bodies: string[] = [];
  const received = async (): Promise<readonly string[]> => {
    bodies.push(...(await drainQueue(server, queueUrl)).map(({ Body }) => Body));
    return bodies;
  };
  return {
    sink,
    delivered: async () => (await received()).flatMap((body) => body.split("\n")).map((line) => Buffer.from(line)),
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

describeSinkConformance("sqs, lines packed into messages (moto)", () => openHarness(moto, PACKED), whyNoMoto);

describe("with moto", () => {
  test("a message holds one event unless configured otherwise, byte for byte", async (context) => {
    if (moto === undefined) return context.skip(whyNoMoto);
    await using harness = await openHarness(moto, {});
    const batch = sampleEvents(10);
    expect(await harness.sink.write(batch, AbortSignal.timeout(5_000))).toEqual({ kind: "delivered" });
    expect((await harness.delivered()).map(String).toSorted()).toEqual(
      batch.map(({ bytes }) => String(bytes)).toSorted(),
    );
  });

  test("a queue that takes smaller messages, and one that is not there, are problems when checked", async (context) => {
    if (moto === undefined) return context.skip(whyNoMoto);
    const queueUrl = await createQueue(moto, randomUUID(), { MaximumMessageSize: "65536" });
    const check = async (url: string): Promise<readonly string[]> => {
      const config = { name: "queue", type: "sqs", queueUrl: url, region: "us-east-1" };
      const sink = createSqsSink(sqsConfig.parse(config), {});
      const problems = await sink.check(AbortSignal.timeout(5_000));
      await sink.close();
      return problems;
    };
    expect(await check(queueUrl)).toEqual([expect.stringContaining("at most 65536 bytes")]);
    expect(await check(`${queueUrl}x`)).toEqual([expect.stringContaining("there is no such queue")]);
  });
});

// fauxqs refuses what lies beyond the Basic Multilingual Plane, which SQS takes: so not the whole suite.
describe("with fauxqs", async () => {
  const fauxqs = await startFauxqs({ port: await freePort(), host: "127.0.0.1", logger: false });
  const server = { url: fauxqs.address };
  afterAll(() => fauxqs.stop());

  test("characters that SQS does not take are sent as escapes of the same meaning", async () => {
    await using harness = await openHarness(server, {});
    const event = collectedEvent(0, '{"data":"a\uFFFEb\uFFFFc"}');
    expect(await harness.sink.write([event], AbortSignal.timeout(5_000))).toEqual({ kind: "delivered" });
    expect((await harness.delivered()).map(String)).toEqual(['{"data":"a\\ufffeb\\uffffc"}']);
  });

  test("a FIFO queue takes an event once, however often it is sent", async () => {
    await using harness = await openHarness(server, {}, `${randomUUID()}.fifo`);
    const batch = sampleEvents(10);
    const write = () => harness.sink.write(batch, AbortSignal.timeout(10_000));
    expect(await write()).toEqual({ kind: "delivered" });
    expect(await write()).toEqual({ kind: "delivered" });
    expect((await harness.delivered()).length).toBe(10);
  });

  test("a call of exactly 1 MiB is taken", async () => {
    await using harness = await openHarness(server, {});
    const event = collectedEvent(0, `"${"x".repeat(harness.sink.limits.maxEventBytes - 2)}"`);
    expect(await harness.sink.write([event], AbortSignal.timeout(5_000))).toEqual({ kind: "delivered" });
  });
});
