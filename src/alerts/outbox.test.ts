import * as fc from "fast-check";
import { pino } from "pino";
import { expect, test } from "vitest";
import type { Clock } from "../core/clock.ts";
import type { SendResult } from "./channels/messenger.ts";
import type { Message } from "./notice.ts";
import { noticeOf } from "./notice-fixture.ts";
import { Outbox } from "./outbox.ts";

/** A clock that stands still until a test moves it. */
class StepClock implements Clock {
  #ms = 0;
  readonly #timers = new Map<() => void, number>();
  nowMs = () => this.#ms;
  monotonicMs = () => this.#ms;
  after(delayMs: number, run: () => void) {
    this.#timers.set(run, this.#ms + delayMs);
    return { cancel: () => this.#timers.delete(run) };
  }
  async advance(byMs: number): Promise<void> {
    const untilMs = this.#ms + byMs;
    await turn();
    for (;;) {
      const [next] = [...this.#timers].filter(([, dueMs]) => dueMs <= untilMs).toSorted(([, a], [, b]) => a - b);
      if (next === undefined) break;
      this.#timers.delete(next[0]);
      this.#ms = next[1];
      next[0]();
      await turn();
    }
    this.#ms = untilMs;
  }
}

const turn = () => new Promise((resolve) => setImmediate(resolve));
const SENT: SendResult = { kind: "sent", answer: "ok" };
const FAILED: SendResult = { kind: "failed", reason: "down" };

/** An outbox whose channel answers with the results in order, and then takes everything. */
function openOutbox(
  results: (SendResult | Promise<SendResult>)[] = [],
  settings: { minGapMs?: number; maxAgeMs?: number } = {},
) {
  const clock = new StepClock();
  const messages: Message[] = [];
  const outbox = new Outbox({
    channel: "slack",
    minGapMs: 0,
    maxAgeMs: 3_600_000,
    ...settings,
    messenger: {
      async send(message) {
        messages.push(message);
        return results.shift() ?? SENT;
      },
      close: () => Promise.resolve(),
    },
    clock,
    random: () => 1,
    log: pino({ level: "silent" }),
  });
  const rules = () => messages.map(({ notices }) => notices.map(({ rule }) => rule));
  return { outbox, clock, messages, rules };
}

const notices = (...rules: string[]) => rules.map((rule) => noticeOf({ rule }));

test("what comes while a message is on its way goes out together after it", async () => {
  const busy = Promise.withResolvers<SendResult>();
  const { outbox, clock, rules } = openOutbox([busy.promise]);
  outbox.tell(notices("a"));
  outbox.tell(notices("b", "c"));
  busy.resolve(SENT);
  await clock.advance(0);
  expect(rules()).toEqual([["a"], ["b", "c"]]);
  expect(outbox.figures()).toMatchObject({ sent: 3, waiting: 0, failures: 0 });
});

test("between two messages minGapMs passes, and what waits for it goes out together", async () => {
  const { outbox, clock, rules } = openOutbox([], { minGapMs: 1_000 });
  for (const rule of ["a", "b", "c"]) {
    outbox.tell(notices(rule));
    await clock.advance(100);
  }
  await clock.advance(1_000);
  expect(rules()).toEqual([["a"], ["b", "c"]]);
});

test("a message that is not taken is sent again under its id, less and less often, until it is", async () => {
  const { outbox, clock, messages } = openOutbox([FAILED, FAILED, FAILED]);
  outbox.tell(notices("a"));
  await clock.advance(6_999);
  expect(messages).toHaveLength(3);
  expect(outbox.figures()).toMatchObject({ failures: 3, waiting: 1, lastError: "down" });
  await clock.advance(1);
  expect(new Set(messages.map(({ id }) => id)).size).toBe(1);
  expect(outbox.figures()).toMatchObject({ sent: 1, waiting: 0, lastError: undefined });
});

test("a channel that asks for a pause gets it", async () => {
  const { outbox, clock, messages } = openOutbox([{ kind: "failed", reason: "slow down", retryAfterMs: 30_000 }]);
  outbox.tell(notices("a"));
  await clock.advance(29_999);
  expect(messages).toHaveLength(1);
  await clock.advance(1);
  expect(outbox.figures()).toMatchObject({ sent: 1 });
});

test("what is refused for good is dropped and counted, the next is sent and says so", async () => {
  const { outbox, clock, messages } = openOutbox([{ kind: "refused", reason: "HTTP 400" }]);
  outbox.tell(notices("a"));
  await clock.advance(0);
  outbox.tell(notices("b"));
  await clock.advance(0);
  expect(messages.map(({ dropped }) => dropped)).toEqual([0, 1]);
  expect(outbox.figures()).toMatchObject({ sent: 1, dropped: { refused: 1 } });
});

test("what could not be sent for maxAgeMs is dropped and counted; what is younger goes out", async () => {
  const { outbox, clock, rules } = openOutbox([FAILED, FAILED, FAILED, FAILED], { maxAgeMs: 10_000 });
  outbox.tell(notices("old"));
  await clock.advance(9_000);
  outbox.tell(notices("young"));
  await clock.advance(9_000);
  expect(rules().at(-1)).toEqual(["young"]);
  expect(outbox.figures()).toMatchObject({ sent: 1, dropped: { too_old: 1 }, waiting: 0 });
});

test("what waits is bounded, and what does not fit is counted and told", async () => {
  const { outbox, clock, messages } = openOutbox([FAILED]);
  outbox.tell(Array.from({ length: 1_200 }, () => noticeOf()));
  expect(outbox.figures()).toMatchObject({ waiting: 1_000, dropped: { queue_full: 200 } });
  outbox.tell([noticeOf({ description: "x".repeat(500) })]);
  await clock.advance(10_000);
  expect(outbox.figures()).toMatchObject({ sent: 1_000, waiting: 0 });
  expect(messages.slice(0, 4).map(({ dropped }) => dropped)).toEqual([200, 200, 1, 0]);
  expect(Math.max(...messages.map((message) => message.notices.length))).toBe(20);
});

test("what waits is bounded in bytes too", () => {
  const { outbox } = openOutbox([FAILED]);
  const large = noticeOf({ description: "x".repeat(100_000) });
  outbox.tell(Array.from({ length: 30 }, () => large));
  const { waiting, dropped } = outbox.figures();
  expect(waiting * 100_000).toBeLessThanOrEqual(2 * 1024 * 1024);
  expect(dropped).toEqual({ queue_full: 30 - waiting });
});

test("at the end what waits is sent at once, without gaps, and is given up after the time allowed", async () => {
  const { outbox, clock, rules } = openOutbox([FAILED, FAILED], { minGapMs: 60_000 });
  outbox.tell(notices("a"));
  await clock.advance(0);
  const closing = outbox.close(3_000);
  await clock.advance(1_000);
  await closing;
  expect(rules()).toEqual([["a"], ["a"], ["a"]]);

  const dead = openOutbox(Array.from({ length: 100 }, () => FAILED));
  dead.outbox.tell(notices("a", "b"));
  const ending = dead.outbox.close(3_000);
  await dead.clock.advance(3_000);
  await ending;
  expect(dead.outbox.figures()).toMatchObject({ waiting: 0, dropped: { shutdown: 2 } });
  dead.outbox.tell(notices("c"));
  expect(dead.outbox.figures()).toMatchObject({ waiting: 0, dropped: { shutdown: 3 } });
});

test("a channel that never answers does not keep the end", async () => {
  const { outbox, clock } = openOutbox([new Promise(() => {})]);
  outbox.tell(notices("a"));
  const closing = outbox.close(3_000);
  await clock.advance(3_000);
  await closing;
  expect(outbox.figures()).toMatchObject({ dropped: { shutdown: 1 } });
});

test("each notice is sent once, in order, or dropped and counted, or waits", async () => {
  const result = fc.constantFrom<SendResult>(SENT, FAILED, { kind: "refused", reason: "no" });
  const step = fc.record({ notices: fc.nat(30), passes: fc.nat(20_000) });
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), fc.array(result, { maxLength: 12 }), async (steps, results) => {
      const taken = [...results];
      const { outbox, clock, messages } = openOutbox(results, { minGapMs: 500, maxAgeMs: 15_000 });
      let told = 0;
      for (const { notices: count, passes } of steps) {
        outbox.tell(Array.from({ length: count }, () => noticeOf({ rule: `r${told++}` })));
        await clock.advance(passes);
      }
      const { sent, waiting, dropped } = outbox.figures();
      expect(sent + waiting + Object.values(dropped).reduce((sum, count) => sum + count, 0)).toBe(told);
      const arrived = messages.flatMap((message, index) =>
        (taken[index] ?? SENT).kind === "sent" ? message.notices.map(({ rule }) => Number(rule.slice(1))) : [],
      );
      expect(arrived).toEqual(arrived.toSorted((a, b) => a - b));
      expect(new Set(arrived).size).toBe(sent);
    }),
    { numRuns: 50 },
  );
});
