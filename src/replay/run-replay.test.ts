import pino from "pino";
import { expect, test } from "vitest";
import { systemClock } from "../core/clock.ts";
import type { RejectedEvent } from "../core/reject-log.ts";
import type { Batch, Receipt, Sink } from "../core/sink.ts";
import { seededRandom } from "../core/seeded-random.ts";
import type { StoredItem, StoredUnit } from "./event-store.ts";
import { type ReplayResult, runReplay } from "./run-replay.ts";
import { newRun, type RunState } from "./run-state.ts";

const SETTINGS = {
  name: "stream",
  type: "fake",
  required: true,
  maxInFlight: 3,
  timeoutMs: 5_000,
  retry: { minDelayMs: 1, maxDelayMs: 5, maxAgeMs: 0 },
};

function unit(key: string, ids: readonly string[]): StoredUnit {
  return {
    key,
    name: key,
    bytes: ids.length,
    async *read(onBytes) {
      onBytes(ids.length);
      const items = ids.map((id, at): StoredItem => {
        const bytes = Buffer.from(`{"id":"${id}"}`);
        return { index: at + 1, event: { id, type: "t", source: "web", receivedMs: 0, bytes } };
      });
      // Some at a time, as a file has it.
      for (let at = 0; at < items.length; at += 7) yield items.slice(at, at + 7);
    },
  };
}

function units(count: number, perUnit: number): StoredUnit[] {
  return Array.from({ length: count }, (_, nth) =>
    unit(
      `u${nth}`,
      Array.from({ length: perUnit }, (_event, at) => `${nth}-${at}`),
    ),
  );
}

interface Rig {
  readonly sent: string[];
  readonly rejected: string[];
  readonly positions: number[];
  readonly saved: RunState[];
  run(before?: RunState, signal?: AbortSignal, eventsPerSecond?: number): Promise<ReplayResult>;
}

/** A replay to a sink that answers as `answer` says; `sent` has the ids that it took. */
function rigFor(stored: readonly StoredUnit[], answer: (batch: Batch) => Receipt | Promise<Receipt>): Rig {
  const rig = { sent: [] as string[], rejected: [] as string[], positions: [] as number[], saved: [] as RunState[] };
  const sink: Sink = {
    name: "stream",
    type: "fake",
    limits: { maxEvents: 10, maxBytes: 1e6, maxEventBytes: 1e6, maxAgeMs: 5 },
    eventBytes: ({ bytes }) => bytes.length,
    async write(batch) {
      const receipt = await answer(batch);
      for (const [at, { id, position }] of batch.entries()) {
        const fate = receipt.kind === "partial" ? receipt.fates[at]?.kind : receipt.kind;
        if (fate !== "delivered") continue;
        rig.sent.push(id);
        rig.positions.push(position);
      }
      return receipt;
    },
    check: async () => [],
    close: async () => {},
  };
  const append = async (entries: readonly RejectedEvent[]) => {
    for (const { event } of entries) rig.rejected.push(String(JSON.parse(Buffer.from(event).toString()).id));
  };
  return {
    ...rig,
    run: (before = newRun(""), signal = new AbortController().signal, eventsPerSecond = Number.POSITIVE_INFINITY) =>
      runReplay({
        units: stored,
        choose: ({ event }) => (event?.id.endsWith("3") === true ? "other_type" : (event ?? "unreadable")),
        settings: SETTINGS,
        sink,
        deadLetters: { append, close: async () => {} },
        codeOf: ({ code }) => code,
        before: { ...before, starts: before.starts + 1 },
        eventsPerSecond,
        onSettled: () => {},
        save: async (state) => void rig.saved.push(structuredClone(state)),
        onProgress: () => {},
        clock: systemClock,
        random: Math.random,
        log: pino({ level: "silent" }),
        signal,
      }),
  };
}

test("each event that is chosen is delivered once, and the ledger balances", async () => {
  const rig = rigFor(units(4, 50), () => ({ kind: "delivered" }));
  const { ledger, isThrough } = await rig.run();
  expect(ledger).toEqual({ read: 200, delivered: 180, refused: {}, skipped: { other_type: 20 }, notSent: 0 });
  expect(isThrough).toBe(true);
  expect(new Set(rig.sent).size).toBe(180);
  expect(rig.saved.at(-1)).toMatchObject({ finished: true, read: 200, delivered: 180, ahead: [] });
});

test("only what failed is retried, and what is refused is a dead letter", async () => {
  const random = seededRandom(7);
  const rig = rigFor(units(2, 100), (batch) => ({
    kind: "partial",
    fates: batch.map(({ id }) => {
      if (id.endsWith("7")) return { kind: "rejected", reason: "no" };
      return random() < 0.3 ? { kind: "retryable", reason: "throttled" } : { kind: "delivered" };
    }),
  }));
  const { ledger } = await rig.run();
  expect(ledger).toEqual({
    read: 200,
    delivered: 160,
    refused: { rejected_by_sink: 20 },
    skipped: { other_type: 20 },
    notSent: 0,
  });
  expect(rig.sent).toHaveLength(160);
  expect(rig.rejected).toHaveLength(20);
});

test("a run that is stopped again and again sends nothing twice, uses no position twice, and balances at each stop", async () => {
  const random = seededRandom(3);
  let toStop: AbortController;
  let writes = 0;
  const stored = units(6, 100);
  const rig = rigFor(stored, async (batch) => {
    // Out of order, so that events beyond the cursor are settled when the run stops.
    await new Promise((resolve) => setTimeout(resolve, random() * 8));
    if (++writes % 6 === 0) toStop.abort();
    const fates = batch.map(() =>
      random() < 0.2 ? ({ kind: "retryable", reason: "throttled" } as const) : ({ kind: "delivered" } as const),
    );
    return { kind: "partial", fates };
  });
  let state = newRun("");
  let result: ReplayResult;
  let starts = 0;
  let sawAhead = 0;
  do {
    toStop = new AbortController();
    result = await rig.run(state, toStop.signal);
    state = rig.saved.at(-1) ?? state;
    sawAhead += state.ahead.length;
    const { read, delivered, refused, skipped, notSent } = result.ledger;
    expect(refused).toEqual({});
    expect(delivered + (skipped["other_type"] ?? 0) + notSent).toBe(read);
    expect(delivered).toBe(rig.sent.length);
  } while (!result.isThrough && ++starts < 200);
  expect(starts).toBeGreaterThan(3);
  expect(sawAhead).toBeGreaterThan(0);
  expect(result.ledger).toEqual({ read: 600, delivered: 540, refused: {}, skipped: { other_type: 60 }, notSent: 0 });
  expect(rig.sent).toHaveLength(540);
  expect(new Set(rig.sent).size).toBe(540);
  expect(new Set(rig.positions).size).toBe(540);
}, 60_000);

test("a file that cannot be read to its end is told, and the next ones are replayed", async () => {
  const [first, last] = units(2, 20);
  const broken: StoredUnit = {
    key: "u05",
    name: "u05",
    bytes: 1,
    // oxlint-disable-next-line require-yield -- it fails at once
    async *read() {
      throw new Error("unexpected end of file");
    },
  };
  const rig = rigFor(
    [first, broken, last].flatMap((one) => one ?? []),
    () => ({ kind: "delivered" }),
  );
  const { ledger, problems } = await rig.run();
  expect(problems).toEqual(["u05 cannot be read to its end: unexpected end of file"]);
  expect(ledger).toMatchObject({ read: 40, delivered: 36 });
});

test("a run whose state cannot be saved stops, since it would send again what it has sent", async () => {
  const rig = rigFor(units(200, 100), async () => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return { kind: "delivered" };
  });
  rig.saved.push = () => {
    throw new Error("the disk is full");
  };
  await expect(rig.run()).rejects.toThrow("the disk is full");
  expect(rig.sent.length).toBeLessThan(18_000);
});

test("no more events a second are sent than is said", async () => {
  const rig = rigFor(units(1, 40), () => ({ kind: "delivered" }));
  const startMs = performance.now();
  await rig.run(newRun(""), undefined, 100);
  // 36 events; those of a tenth of a second may come at once.
  expect(performance.now() - startMs).toBeGreaterThan(200);
  expect(rig.sent).toHaveLength(36);
});
