import { expect, test } from "vitest";
import { startKinesisStandIn } from "../../src/testing.ts";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { idOf, kinesisConfig } from "../kit/kinesis-config.ts";

const headers = { authorization: "Bearer wk_test", "content-type": "application/json" };
const event = (id: string): string => JSON.stringify({ id, type: "test.sent", data: 1 });

test("ack=delivered answers 201 only once the stream has the event", async () => {
  await using dir = await temporaryDir();
  const stored = new Set<string>();
  await using standIn = await startKinesisStandIn({
    faults: { latencyMs: { min: 100, max: 150 } },
    onRecord: ({ data }) => stored.add(idOf(data)),
  });
  await using collector = await CollectorProcess.start(dir.path, kinesisConfig({ endpoint: standIn.url }));
  const reply = await fetch(`${collector.url}?ack=delivered`, { method: "POST", headers, body: event("a") });
  expect(stored.has("a")).toBe(true);
  expect(reply.status).toBe(201);
}, 30_000);

test("ack=delivered answers 202 while the stream is down, with a receipt that later says delivered", async () => {
  await using dir = await temporaryDir();
  await using standIn = await startKinesisStandIn();
  const config = kinesisConfig({ endpoint: standIn.url, more: "http: { ackTimeoutMs: 500 }" });
  await using collector = await CollectorProcess.start(dir.path, config);
  await standIn.down();
  const reply = await fetch(`${collector.url}?ack=delivered`, { method: "POST", headers, body: event("b") });
  expect(reply.status).toBe(202);
  const { receipt } = (await reply.json()) as { receipt: string };

  const read = async (): Promise<{ state: string; sinks: { sink: string; state: string }[] }> => {
    const answer = await fetch(`http://127.0.0.1:${collector.port}/v1/receipts/${receipt}`, { headers });
    expect(answer.status).toBe(200);
    return (await answer.json()) as Awaited<ReturnType<typeof read>>;
  };
  expect(await read()).toMatchObject({ state: "held", sinks: [{ sink: "stream", state: "held" }] });
  await standIn.up();
  await collector.settled();
  expect(await read()).toMatchObject({ state: "delivered", sinks: [{ sink: "stream", state: "delivered" }] });
}, 30_000);
