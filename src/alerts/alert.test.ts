import * as fc from "fast-check";
import { expect, test } from "vitest";
import { Alert, type AlertPolicy } from "./alert.ts";

const POLICY: AlertPolicy = { forMs: 0, resolveAfterMs: 20, repeatEveryMs: 0, minGapMs: 0 };

/** What is told, with the times, as the condition holds (`x`) or not (`.`) every 10 ms. */
function told(conditions: string, policy: Partial<AlertPolicy>): string[] {
  const alert = new Alert();
  return conditions.split("").flatMap((condition, index) => {
    const telling = alert.judge(condition === "x", { ...POLICY, ...policy }, index * 10);
    if (telling === undefined) return [];
    return `${index * 10}: ${telling.kind}${telling.suppressed === 0 ? "" : `, ${telling.suppressed} not told`}`;
  });
}

test("an alert is told when it begins and when it is over, once each", () => {
  expect(told("..xxxx.....", {})).toEqual(["20: firing", "80: resolved"]);
});

test("it fires only after the condition held for forMs without a break", () => {
  expect(told(".xx.xxxxx", { forMs: 30 })).toEqual(["70: firing"]);
});

test("a condition that is gone for less than resolveAfterMs is no end", () => {
  expect(told("xx.xx..xx....", {})).toEqual(["0: firing", "110: resolved"]);
});

test("while it fires it is told again every repeatEveryMs", () => {
  expect(told("xxxxxxxx", { repeatEveryMs: 30 })).toEqual(["0: firing", "30: reminder", "60: reminder"]);
});

test("an alert that comes and goes is told once in minGapMs, with how often it was not", () => {
  const policy = { resolveAfterMs: 0, minGapMs: 100 };
  expect(told("x.x.x.x......xx", policy)).toEqual(["0: firing", "10: resolved", "130: firing, 3 not told"]);
  // What fires on when the gap is over is told then.
  expect(told("x.xxxxxxxxxxxx", policy)).toEqual(["0: firing", "10: resolved", "110: firing"]);
});

test("nobody is told that something is over that they were not told of, or that it began twice", () => {
  const policy = fc.record({
    forMs: fc.nat(40),
    resolveAfterMs: fc.nat(40),
    repeatEveryMs: fc.nat(60),
    minGapMs: fc.nat(100),
  });
  fc.assert(
    fc.property(fc.array(fc.boolean(), { maxLength: 100 }), policy, (conditions, settings) => {
      const alert = new Alert();
      let isTold = false;
      let lastMs = Number.NEGATIVE_INFINITY;
      for (const [index, holds] of conditions.entries()) {
        const telling = alert.judge(holds, settings, index * 10);
        if (telling === undefined) continue;
        expect(isTold).toBe(telling.kind !== "firing");
        if (telling.kind === "firing") expect(index * 10 - lastMs).toBeGreaterThanOrEqual(settings.minGapMs);
        isTold = telling.kind !== "resolved";
        lastMs = index * 10;
      }
    }),
  );
});
