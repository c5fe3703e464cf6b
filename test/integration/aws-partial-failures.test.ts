import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { CollectedEvent } from "../../src/core/event.ts";
import type { Sink } from "../../src/core/sink.ts";
import { seededRandom } from "../../src/core/seeded-random.ts";
import { eventbridgeConfig } from "../../src/sinks/eventbridge/config.ts";
import { createEventbridgeSink } from "../../src/sinks/eventbridge/sink.ts";
import { firehoseConfig } from "../../src/sinks/firehose/config.ts";
import { createFirehoseSink } from "../../src/sinks/firehose/sink.ts";
import { snsConfig } from "../../src/sinks/sns/config.ts";
import { createSnsSink } from "../../src/sinks/sns/sink.ts";
import { sqsConfig } from "../../src/sinks/sqs/config.ts";
import { createSqsSink } from "../../src/sinks/sqs/sink.ts";
import { startAwsStandIn, type StandInReply } from "../kit/aws-stand-in.ts";
import { fatesOf, sampleEvents } from "../conformance/sink-conformance.ts";

const ATTEMPTS = 100;
const TOPIC = "arn:aws:sns:us-east-1:123456789012:fanout";

beforeEach(() => {
  vi.stubEnv("AWS_PROFILE", undefined);
  vi.stubEnv("AWS_ACCESS_KEY_ID", "AKTEST");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "secret");
});

afterEach(() => vi.unstubAllEnvs());

/** A service as far as this needs it: what a call holds, and what it answers of each part. */
interface Service {
  sink(endpoint: string): Sink;
  /** The lines in each record or message of a call. */
  parts(body: string): string[][];
  reply(taken: readonly boolean[]): StandInReply;
}

const SERVICES: Readonly<Record<string, Service>> = {
  firehose: {
    sink: (endpoint) => {
      const config = { name: "a", type: "firehose", stream: "s", region: "us-east-1", endpoint, recordBytes: "5KiB" };
      return createFirehoseSink(firehoseConfig.parse(config), {});
    },
    parts(body) {
      const { Records: records } = JSON.parse(body) as { Records: { Data: string }[] };
      return records.map(({ Data }) => Buffer.from(Data, "base64").toString().trimEnd().split("\n"));
    },
    reply(taken) {
      const failed = { ErrorCode: "ServiceUnavailableException", ErrorMessage: "Slow down." };
      const entries = taken.map((isTaken) => (isTaken ? { RecordId: randomUUID() } : failed));
      return { body: { FailedPutCount: taken.filter((isTaken) => !isTaken).length, RequestResponses: entries } };
    },
  },
  sqs: {
    sink: (endpoint) => {
      const queueUrl = `${endpoint}/123456789012/q`;
      const config = { name: "a", type: "sqs", queueUrl, region: "us-east-1", eventsPerMessage: 3 };
      return createSqsSink(sqsConfig.parse(config), {});
    },
    parts(body) {
      const { Entries: entries } = JSON.parse(body) as { Entries: { MessageBody: string }[] };
      return entries.map(({ MessageBody }) => MessageBody.split("\n"));
    },
    reply(taken) {
      const entries = taken.map((isTaken, index) => ({ Id: String(index), isTaken }));
      return {
        body: {
          Successful: entries.filter(({ isTaken }) => isTaken).map(({ Id }) => ({ Id, MessageId: randomUUID() })),
          Failed: entries
            .filter(({ isTaken }) => !isTaken)
            .map(({ Id }) => ({ Id, Code: "InternalError", SenderFault: false })),
        },
      };
    },
  },
  sns: {
    sink: (endpoint) => createSnsSink(snsConfig.parse({ name: "a", type: "sns", topicArn: TOPIC, endpoint }), {}),
    parts(body) {
      const fields = [...new URLSearchParams(body)];
      return fields.filter(([name]) => name.endsWith(".Message")).map(([, message]) => [message]);
    },
    reply(taken) {
      const members = (isTaken: boolean, rest: string) =>
        taken.flatMap((was, index) => (was === isTaken ? [`<member><Id>${index}</Id>${rest}</member>`] : [])).join("");
      const failed = members(false, "<Code>InternalError</Code><SenderFault>false</SenderFault>");
      return {
        body:
          `<PublishBatchResponse><PublishBatchResult><Successful>${members(true, "<MessageId>m</MessageId>")}</Successful>` +
          `<Failed>${failed}</Failed></PublishBatchResult></PublishBatchResponse>`,
      };
    },
  },
  eventbridge: {
    sink: (endpoint) => {
      const config = { name: "a", type: "eventbridge", region: "us-east-1", endpoint };
      return createEventbridgeSink(eventbridgeConfig.parse(config), {});
    },
    parts(body) {
      const { Entries: entries } = JSON.parse(body) as { Entries: { Detail: string }[] };
      return entries.map(({ Detail }) => [Detail]);
    },
    reply(taken) {
      const failed = { ErrorCode: "ThrottlingException", ErrorMessage: "Rate exceeded" };
      const entries = taken.map((isTaken) => (isTaken ? { EventId: randomUUID() } : failed));
      return { body: { FailedEntryCount: taken.filter((isTaken) => !isTaken).length, Entries: entries } };
    },
  },
};

/** Writes what is not delivered again, as a pipeline would. Returns how many times. */
async function deliverAll(sink: Sink, events: readonly CollectedEvent[]): Promise<number> {
  let held = events;
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const batch = held.slice(0, sink.limits.maxEvents);
    const fates = fatesOf(await sink.write(batch, AbortSignal.timeout(10_000)), batch);
    const left = batch.filter((_, index) => fates[index]?.kind !== "delivered");
    held = [...left, ...held.slice(batch.length)];
    if (held.length === 0) return attempt;
  }
  throw new Error(`${held.length} events are not delivered after ${ATTEMPTS} attempts`);
}

test.each(Object.entries(SERVICES))(
  "%s: where parts of calls fail, only their events are sent again, and each event arrives exactly once",
  async (_, service) => {
    const random = seededRandom(7);
    const arrived: string[] = [];
    await using standIn = await startAwsStandIn(({ body }) => {
      const parts = service.parts(body);
      const taken = parts.map(() => random() < 0.6);
      arrived.push(...parts.filter((_part, index) => taken[index]).flat());
      return service.reply(taken);
    });
    const sink = service.sink(standIn.url);
    const events = sampleEvents(60, 500);
    const attempts = await deliverAll(sink, events);
    expect(attempts).toBeGreaterThan(1);
    expect(arrived.toSorted()).toEqual(events.map(({ bytes }) => bytes.toString()).toSorted());
    await sink.close();
  },
);

test("credentials that a service of the Query protocol calls expired are looked up again", async () => {
  const sns = SERVICES["sns"];
  let isExpired = true;
  await using standIn = await startAwsStandIn(({ body }) => {
    const error = "<ErrorResponse><Error><Code>ExpiredToken</Code><Message>expired</Message></Error></ErrorResponse>";
    return isExpired
      ? { status: 403, body: error }
      : (sns?.reply((sns.parts(body) ?? []).map(() => true)) ?? { body: "" });
  });
  let lookups = 0;
  const identityProvider = async (options?: { readonly forceRefresh?: boolean }) => {
    if (options?.forceRefresh === true) lookups++;
    return { accessKeyId: "AK", secretAccessKey: "secret" };
  };
  const config = snsConfig.parse({ name: "a", type: "sns", topicArn: TOPIC, endpoint: standIn.url });
  const sink = createSnsSink(config, { identityProvider });
  const write = () => sink.write(sampleEvents(3), AbortSignal.timeout(5_000));
  expect(await write()).toEqual({ kind: "retryable", reason: expect.stringContaining("credentials have expired") });
  isExpired = false;
  expect(await write()).toEqual({ kind: "delivered" });
  expect(lookups).toBe(1);
  await sink.close();
});
