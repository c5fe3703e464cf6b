import { setImmediate as turn } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { pino } from "pino";
import { Registry } from "prom-client";
import { expect, test } from "vitest";
import { systemClock } from "../../src/core/clock.ts";
import type { CollectedEvent, Position } from "../../src/core/event.ts";
import type { Journal } from "../../src/core/journal.ts";
import { Ledger } from "../../src/core/ledger.ts";
import type { Batch, Receipt, Sink } from "../../src/core/sink.ts";
import { draftOf, openTestJournal, temporaryDirectory } from "../../src/journal/journal-fixture.ts";
import { createPipelineMetrics } from "../../src/pipeline/metrics.ts";
import { Pipeline } from "../../src/pipeline/pipeline.ts";

const MIB = 1024 ** 2;
const EVENT_BYTES = 1_000;
const GROUP = 200;

/** A journal on the real disk whose memory is small beside what the test writes. */
const CONFIG = { maxBytes: 2_048 * MIB, segmentBytes: 16 * MIB, tailBytes: 4 * MIB };

/** What a pipeline may hold at most: 32 MiB in events, and as much for what an event costs besides and for garbage. */
const ALLOWED_BYTES = 80 * MIB;

class TestSink implements Sink {
  readonly type = "test";
  /** A group fills a batch, which then waits for no timer. */
  readonly limits = { maxEvents: GROUP, maxBytes: 4 * MIB, maxEventBytes: MIB, maxAgeMs: 1 };
  readonly name: string;
  answer: (batch: Batch) => Receipt | Promise<Receipt>;

  constructor(name: string, answer: (batch: Batch) => Receipt | Promise<Receipt>) {
    this.name = name;
    this.answer = answer;
  }

  eventBytes({ bytes }: CollectedEvent): number {
    return bytes.length;
  }
  async write(batch: Batch): Promise<Receipt> {
    return this.answer(batch);
  }
  async check(): Promise<readonly string[]> {
    return [];
  }
  async close(): Promise<void> {}
}

/** Journal, ledger and the pipelines of some sinks, without the collector around them. */
async function openSlot(directory: string) {
  const { journal } = await openTestJournal({ config: { ...CONFIG, dir: directory } });
  const ledger = new Ledger();
  const metrics = createPipelineMetrics(new Registry());
  const pipelines: Pipeline[] = [];
  journal.onAppend((events) => {
    ledger.accept(events);
    for (const pipeline of pipelines) pipeline.wake();
  });
  return {
    journal,
    ledger,
    pipelines,
    start(sink: Sink): Pipeline {
      const pipeline = new Pipeline({
        settings: {
          name: sink.name,
          type: sink.type,
          required: true,
          maxInFlight: 4,
          timeoutMs: 60_000,
          retry: { minDelayMs: 1, maxDelayMs: 20, maxAgeMs: 0 },
        },
        sink,
        journal,
        from: ledger.open(sink.name),
        settle: (cursor, counts, missing) => {
          ledger.settle(sink.name, cursor, counts, missing);
          journal.release(ledger.lowestCursor());
        },
        owed: () => ledger.held(sink.name),
        deadLetters: { append: () => Promise.resolve(), close: () => Promise.resolve() },
        clock: systemClock,
        random: Math.random,
        metrics,
        log: pino({ level: "silent" }),
      });
      pipelines.push(pipeline);
      pipeline.start();
      return pipeline;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(pipelines.map((pipeline) => pipeline.stop()));
      await journal.close();
    },
  };
}

async function append(journal: Journal): Promise<Position> {
  return journal.append(
    Array.from({ length: GROUP }, () => draftOf("event", EVENT_BYTES)),
    "written",
  );
}

/** Bytes in use after everything that can be freed was freed. */
async function usedBytes(): Promise<number> {
  setFlagsFromString("--expose-gc");
  const collect: unknown = runInNewContext("gc");
  for (let times = 0; times < 3; times++) {
    if (typeof collect === "function") collect();
    await turn();
  }
  const { heapUsed, arrayBuffers } = process.memoryUsage();
  return heapUsed + arrayBuffers;
}

/** Turns of the event loop until a pipeline has everything; gives up at 1,000. */
async function turnsUntilSettled(slot: { journal: Journal; ledger: Ledger }, sink: string): Promise<number> {
  for (let turns = 0; turns < 1_000; turns++) {
    if (slot.ledger.cursor(sink) === slot.journal.end) return turns;
    await turn();
  }
  return Number.POSITIVE_INFINITY;
}

test("a sink that is dead while hundreds of megabytes are written costs disk, and memory only up to its bound", async () => {
  using directory = temporaryDirectory();
  await using slot = await openSlot(directory.path);
  const dead = slot.start(new TestSink("dead", () => ({ kind: "retryable", reason: "down" })));
  slot.start(new TestSink("well", () => ({ kind: "delivered" })));
  for (let groups = 0; groups < 100; groups++) await append(slot.journal);
  const before = await usedBytes();
  for (let groups = 0; groups < 1_500; groups++) await append(slot.journal);
  await turnsUntilSettled(slot, "well");

  const { lagEvents, lagBytes } = dead.health();
  expect(lagEvents).toBe(1_600 * GROUP);
  expect(lagBytes).toBeGreaterThan(300 * MIB);
  expect(slot.journal.heldBytes).toBeGreaterThan(300 * MIB);
  expect(slot.ledger.held("well")).toBe(0);
  expect((await usedBytes()) - before).toBeLessThan(ALLOWED_BYTES);
});

test("sinks that are dead, slow, or far behind do not hold up one that keeps up", async () => {
  using directory = temporaryDirectory();
  await using slot = await openSlot(directory.path);
  slot.ledger.open("behind");
  for (let groups = 0; groups < 400; groups++) await append(slot.journal);
  slot.start(new TestSink("well", () => ({ kind: "delivered" })));
  slot.start(new TestSink("dead", () => ({ kind: "retryable", reason: "down" })));
  slot.start(new TestSink("slow", () => new Promise((resolve) => setTimeout(resolve, 1_000, { kind: "delivered" }))));
  slot.start(new TestSink("behind", async () => (await turn(), { kind: "delivered" })));
  let most = 0;
  for (let groups = 0; groups < 50; groups++) {
    await append(slot.journal);
    most = Math.max(most, await turnsUntilSettled(slot, "well"));
  }
  expect(slot.ledger.held("behind")).toBeGreaterThan(0);
  expect(most).toBeLessThan(10);
  await expect.poll(() => slot.ledger.held("behind"), { timeout: 15_000 }).toBe(0);
});
