import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { json } from "node:stream/consumers";
import { expect, onTestFinished, test, vi } from "vitest";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { draftOf, silent, temporaryDirectory } from "../journal/journal-fixture.ts";
import { SimulatedDisk } from "../journal/simulated-disk.ts";
import { kinesisConfig } from "../sinks/kinesis/config.ts";
import { Caution } from "./caution.ts";
import { PipelineDeliveries } from "./pipeline-deliveries.ts";
import { type SinkConfig, sinkConfig } from "./sink-config.ts";
import { memorySink, openSlot, patientSink } from "./slot-fixture.ts";

const STREAM = { type: "kinesis", name: "stream", stream: "events", region: "us-east-1", batch: { maxAgeMs: 1 } };

/** A sink that misses its region, which the configuration would not let pass. */
const IMPOSSIBLE = { ...kinesisConfig.parse(STREAM), region: undefined };

/** The sink of a stream that takes all, and answers once `mayAnswer` has resolved. */
async function slowStream(mayAnswer: Promise<void>): Promise<(settings?: object) => SinkConfig> {
  vi.stubEnv("AWS_ACCESS_KEY_ID", "test");
  vi.stubEnv("AWS_SECRET_ACCESS_KEY", "test");
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const call = (await json(request)) as { Records?: object[] };
    await mayAnswer;
    response.end(JSON.stringify({ Records: call.Records?.map(() => ({ SequenceNumber: "1" })) }));
  };
  const server = createServer((request, response) => void answer(request, response));
  onTestFinished(() => {
    vi.unstubAllEnvs();
    server.close();
    server.closeAllConnections();
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const address = server.address();
  assert(typeof address === "object" && address !== null, "it listens on TCP");
  return (settings) => sinkConfig.parse({ ...STREAM, endpoint: `http://127.0.0.1:${address.port}`, ...settings });
}

test("an event is not called delivered while the pipeline of a required sink is replaced, and goes out after", async () => {
  const answer = Promise.withResolvers<void>();
  const stream = await slowStream(answer.promise);
  await using slot = await openSlot(new SimulatedDisk(), [stream()]);
  await slot.start();
  const deliveries = new PipelineDeliveries(
    () => slot.pipelines,
    slot.journal,
    () => Promise.reject(new Error("not asked")),
  );
  await slot.journal.append([draftOf("on its way")], "written");
  await expect.poll(() => [...slot.pipelines][0]?.health().inFlight).toBe(1);

  const applied = slot.pipelines.apply([stream({ maxInFlight: 1 })]);
  const position = await slot.journal.append([draftOf("meanwhile")], "written");
  expect(await deliveries.whenSettled(position, 1, 50)).toBe("timeout");
  expect(deliveries.statusOf(position)).toMatchObject([{ sink: "stream", state: "held" }]);
  answer.resolve();
  await applied;
  await expect.poll(() => slot.ledger.rows()).toMatchObject([{ delivered: 2, held: 0 }]);
});

test("when a sink of a new configuration cannot be made, those of before go on and are owed all they were", async () => {
  const sinks = [memorySink({ name: "steady" }), memorySink({ name: "changing" }), memorySink({ name: "leaving" })];
  await using slot = await openSlot(new SimulatedDisk(), sinks);
  await slot.start();
  const next = [sinks[0], memorySink({ name: "changing", maxEvents: 2 }), memorySink({ name: "joining" }), IMPOSSIBLE];
  await expect(slot.pipelines.apply(next.flatMap((sink) => sink ?? []))).rejects.toMatchObject({
    code: "sink_misconfigured",
  });
  expect([...slot.pipelines].map(({ settings }) => settings.name).toSorted()).toEqual([
    "changing",
    "leaving",
    "steady",
  ]);
  expect(slot.ledger.sinks.toSorted()).toEqual(["changing", "leaving", "steady"]);
  await slot.journal.append([draftOf("a")], "written");
  await expect.poll(() => slot.ledger.rows().map(({ delivered }) => delivered)).toEqual([1, 1, 1]);
});

test("of two configurations that come at once, the later one is in force in the end, with one pipeline a sink", async () => {
  const settings = (maxEvents: number) => memorySink({ name: "sink", maxEvents });
  await using slot = await openSlot(new SimulatedDisk(), [settings(10)]);
  await slot.start();
  await slot.journal.append([draftOf("before")], "written");
  await Promise.all([slot.pipelines.apply([settings(20)]), slot.pipelines.apply([settings(30)])]);
  expect([...slot.pipelines].map((pipeline) => pipeline.settings)).toEqual([settings(30)]);
  for (let at = 0; at < 100; at++) await slot.journal.append([draftOf(String(at))], "written");
  await expect.poll(() => slot.ledger.rows()).toMatchObject([{ accepted: 101, delivered: 101, held: 0 }]);
  // A sink that cannot be made stands in the way of nobody.
  const refused = slot.pipelines.apply([IMPOSSIBLE]);
  await Promise.all([expect(refused).rejects.toThrow(/region/i), slot.pipelines.apply([settings(40)])]);
  expect([...slot.pipelines].map((pipeline) => pipeline.settings)).toEqual([settings(40)]);
});

test("a destination that does not answer holds up a new configuration for at most a minute, and its events are kept", async () => {
  const stream = await slowStream(new Promise(() => {}));
  await using slot = await openSlot(new SimulatedDisk(), [stream({ timeoutMs: 600_000 })]);
  await slot.start();
  await slot.journal.append([draftOf("on its way")], "written");
  await expect.poll(() => [...slot.pipelines][0]?.health().inFlight).toBe(1);
  vi.useFakeTimers({ toFake: ["setTimeout", "clearTimeout"] });
  onTestFinished(() => void vi.useRealTimers());
  let isApplied = false;
  const applied = slot.pipelines.apply([patientSink("stream")]).then(() => (isApplied = true));
  await vi.advanceTimersByTimeAsync(50_000);
  expect(isApplied).toBe(false);
  await vi.advanceTimersByTimeAsync(10_000);
  vi.useRealTimers();
  await applied;
  expect(slot.ledger.held("stream")).toBe(1);
});

test("when a sink cannot be made at the start, the cursors of all are kept", async () => {
  const disk = new SimulatedDisk();
  {
    await using slot = await openSlot(disk, [patientSink("files")]);
    await slot.journal.append([draftOf("a")], "written");
  }
  {
    await using slot = await openSlot(disk, [patientSink("files"), IMPOSSIBLE]);
    await expect(slot.start()).rejects.toMatchObject({ code: "sink_misconfigured" });
  }
  await using slot = await openSlot(disk, [patientSink("files")]);
  expect(slot.ledger.held("files")).toBe(1);
});

test("a sink whose destination never answers its first check is closed without waiting for it", async () => {
  const stream = await slowStream(new Promise(() => {}));
  await using slot = await openSlot(new SimulatedDisk(), [stream()]);
  await slot.start();
  await new Promise((resolve) => setTimeout(resolve, 100));
  const startedMs = performance.now();
  await slot.pipelines.drain(5_000);
  expect(performance.now() - startedMs).toBeLessThan(1_000);
});

/** A sink that got no further in many crashes, and is on trial, with another one. */
async function openTrial(stream: SinkConfig) {
  const directory = temporaryDirectory();
  mkdirSync(join(directory.path, "0"));
  const sinks = [memorySink({ name: "files" }), stream];
  const of = { config: { dir: directory.path }, slot: "0", sinks: sinks.map(({ name }) => name), log: silent };
  const caution = Caution.after({ stream: 5, files: 0 }, of);
  const slot = await openSlot(new SimulatedDisk(), sinks, caution);
  onTestFinished(async () => {
    await slot[Symbol.asyncDispose]();
    directory[Symbol.dispose]();
  });
  await slot.journal.append([draftOf("a"), draftOf("b")], "written");
  await slot.start();
  return { slot, caution, heldBy: () => [slot.ledger.held("files"), slot.ledger.held("stream")] };
}

test("a sink on trial runs alone, and the others go on once what it tried has come back", async () => {
  const answer = Promise.withResolvers<void>();
  const stream = await slowStream(answer.promise);
  const { slot, caution, heldBy } = await openTrial(stream());
  await expect.poll(() => caution.trial?.hasTried).toBe(true);
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  expect(caution.trial?.isOver).toBe(false);
  expect(heldBy()).toEqual([2, 2]);
  answer.resolve();
  await expect.poll(heldBy).toEqual([0, 0]);
  await expect.poll(() => caution.trial?.isOver, { timeout: 3_000 }).toBe(true);
  await slot.pipelines.drain(1_000);
});

test("a drain during a trial delivers to the other sinks, too", async () => {
  const stream = await slowStream(new Promise(() => {}));
  const { slot, caution, heldBy } = await openTrial(stream());
  await expect.poll(() => caution.trial?.hasTried).toBe(true);
  await slot.pipelines.drain(1_000);
  expect(heldBy()).toEqual([0, 2]);
});
