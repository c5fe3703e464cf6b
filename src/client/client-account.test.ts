import * as fc from "fast-check";
import { expect, test } from "vitest";
import { createClient } from "./create-client.ts";

const ANSWERS = [
  "yes",
  "yes",
  "yes",
  "lost yes",
  "some",
  "garbled",
  "too much",
  "later",
  "no answer",
  "never",
] as const;

interface Sent {
  readonly id: string;
  readonly data: number;
}

/** Answers in turn as it is told, then takes everything; odd numbers are invalid where it looks. */
function unreliable(answers: readonly (typeof ANSWERS)[number][]) {
  const stored = new Set<string>();
  let requests = 0;
  const send: typeof fetch = async (_url, init) => {
    const text = init?.body;
    const events = JSON.parse(typeof text === "string" ? text : "") as readonly Sent[];
    const store = (which: readonly Sent[]) => which.forEach(({ id }) => stored.add(id));
    const problem = (status: number, code: string) => new Response(JSON.stringify({ code }), { status });
    const answer = answers[requests++] ?? "yes";
    switch (answer) {
      case "yes":
        store(events);
        return new Response(undefined, { status: 201 });
      case "lost yes":
        store(events);
        throw new TypeError("fetch failed");
      case "garbled":
        store(events);
        return new Response('{"results": [', { status: 207 });
      case "some": {
        const valid = events.filter(({ data }) => data % 2 === 0);
        store(valid);
        if (valid.length === events.length) return new Response(undefined, { status: 201 });
        const results = events.map(({ data }) =>
          data % 2 === 0 ? { status: "accepted" } : { status: "rejected", code: "type" },
        );
        const status = valid.length === 0 ? 400 : 207;
        return new Response(JSON.stringify({ code: "events_invalid", results }), { status });
      }
      case "too much":
        return problem(413, "too_many_events");
      case "later":
        return problem(503, "draining");
      case "never":
        return problem(401, "unknown_key");
      case "no answer":
        throw new TypeError("fetch failed");
    }
  };
  return { stored, send };
}

test("whatever is answered, every event has one fate, and what is acknowledged is stored", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...ANSWERS), { maxLength: 30 }),
      fc.record({
        maxBatchEvents: fc.integer({ min: 1, max: 8 }),
        concurrency: fc.integer({ min: 1, max: 4 }),
        maxQueueBytes: fc.integer({ min: 50, max: 5_000 }),
        keepOneIn: fc.constantFrom(1, 2),
        deadlineMs: fc.constantFrom(0, 5_000),
      }),
      async (answers, { deadlineMs, ...options }) => {
        const { stored, send } = unreliable(answers);
        const acknowledged: string[] = [];
        const rejected: string[] = [];
        const client = createClient<Record<string, number>>({
          url: "http://collector.test",
          key: "wk",
          minRetryDelayMs: 1,
          maxRetryDelayMs: 1,
          gzipFromBytes: Infinity,
          ...options,
          fetch: send,
          onAcknowledged: (ids) => acknowledged.push(...ids),
          onRejected: ({ event }) => rejected.push(event.id),
        });
        const tracked: string[] = [];
        for (let n = 0; n < 40; n++) {
          tracked.push(client.track("a", n));
          if (n % 10 === 0) await new Promise((resolve) => setTimeout(resolve, 0));
        }
        const { counts, undelivered } = await client.close({ deadlineMs });
        const dropped = Object.values(counts.dropped).reduce((sum, each) => sum + each, 0);
        expect(counts.tracked).toBe(40);
        expect(counts.sampledOut + counts.acknowledged + counts.rejected + dropped).toBe(40);
        expect(counts.pending).toBe(0);
        expect([acknowledged.length, rejected.length]).toEqual([counts.acknowledged, counts.rejected]);
        expect(undelivered.length).toBe(counts.dropped.unsent);
        const told = [...acknowledged, ...rejected, ...undelivered.map(({ id }) => id)];
        expect(new Set(told).size).toBe(told.length);
        expect(told.filter((id) => !tracked.includes(id))).toEqual([]);
        expect(acknowledged.filter((id) => !stored.has(id))).toEqual([]);
      },
    ),
    { numRuns: 60 },
  );
});
