import { randomUUID } from "node:crypto";
import { afterAll, describe, expect, test, vi } from "vitest";
import { eventbridgeConfig } from "../../src/sinks/eventbridge/config.ts";
import { createEventbridgeSink } from "../../src/sinks/eventbridge/sink.ts";
import { createQueue, drainQueue, routeBus } from "../kit/aws-call.ts";
import { startAwsStandIn } from "../kit/aws-stand-in.ts";
import { faultsOn, startBreakableProxy } from "../kit/breakable-proxy.ts";
import { startMoto, whyNoMoto } from "../kit/moto.ts";
import { describeSinkConformance, sampleEvents, type SinkHarness } from "./sink-conformance.ts";

vi.stubEnv("AWS_PROFILE", undefined);
vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");

interface Entry {
  readonly Detail: string;
  readonly DetailType: string;
  readonly Source: string;
}

/** Keeps each entry as it was sent: moto hands on only what it parsed and printed again. */
async function openHarness(): Promise<SinkHarness> {
  const entries: Entry[] = [];
  const standIn = await startAwsStandIn(({ operation, body }) => {
    if (operation !== "PutEvents") return { body: { Arn: "arn:aws:events:us-east-1:123456789012:event-bus/default" } };
    const { Entries: taken } = JSON.parse(body) as { Entries: Entry[] };
    entries.push(...taken);
    return { body: { FailedEntryCount: 0, Entries: taken.map(() => ({ EventId: randomUUID() })) } };
  });
  const proxy = await startBreakableProxy(standIn.url);
  const config = { name: "bus", type: "eventbridge", region: "us-east-1", endpoint: proxy.url };
  const sink = createEventbridgeSink(eventbridgeConfig.parse(config), {});
  return {
    sink,
    delivered: async () => entries.map(({ Detail }) => Buffer.from(Detail)),
    countedBytes: async () =>
      entries.reduce((sum, entry) => sum + Buffer.byteLength(entry.Detail + entry.DetailType + entry.Source) + 14, 0),
    ...faultsOn(proxy),
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await standIn[Symbol.asyncDispose]();
      await sink.close();
    },
  };
}

describeSinkConformance("eventbridge", openHarness);

const moto = await startMoto();
afterAll(() => moto?.[Symbol.asyncDispose]());

describe("with moto", () => {
  test("rules match by source and type, and targets get the event as the detail", async (context) => {
    if (moto === undefined) return context.skip(whyNoMoto);
    const bus = randomUUID();
    const queueUrl = await createQueue(moto, bus);
    await routeBus(moto, bus, { source: ["web"], "detail-type": ["conformance.event"] }, bus);
    const config = { name: "bus", type: "eventbridge", bus, region: "us-east-1", endpoint: moto.url };
    const sink = createEventbridgeSink(eventbridgeConfig.parse(config), {});
    expect(await sink.check(AbortSignal.timeout(5_000))).toEqual([]);
    const batch = sampleEvents(10);
    expect(await sink.write(batch, AbortSignal.timeout(5_000))).toEqual({ kind: "delivered" });
    const got = (await drainQueue(moto, queueUrl)).map(
      ({ Body }) => JSON.parse(Body) as { time: string; detail: unknown },
    );
    expect(got.map(({ detail }) => JSON.stringify(detail)).toSorted()).toEqual(
      batch.map(({ bytes }) => String(bytes)).toSorted(),
    );
    expect(got[0]?.time).toBe("2026-11-18T11:06:40Z");
    await sink.close();
  });

  test("a bus that is not there is a problem when checked", async (context) => {
    if (moto === undefined) return context.skip(whyNoMoto);
    const config = { name: "bus", type: "eventbridge", bus: "nowhere", region: "us-east-1", endpoint: moto.url };
    const sink = createEventbridgeSink(eventbridgeConfig.parse(config), {});
    expect(await sink.check(AbortSignal.timeout(5_000))).toEqual([
      expect.stringContaining("there is no such event bus"),
    ]);
    await sink.close();
  });
});
