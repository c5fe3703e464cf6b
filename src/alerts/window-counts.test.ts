import * as fc from "fast-check";
import { expect, test } from "vitest";
import { WindowCounts } from "./window-counts.ts";

test("a window holds what a model says that remembers every event, whatever order and age they come in", () => {
  const step = fc.record({ passes: fc.nat(8), bucketsAgo: fc.integer({ min: -3, max: 12 }), events: fc.nat(5) });
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 9 }), fc.array(step, { maxLength: 60 }), (size, steps) => {
      const window = new WindowCounts(size);
      const model: { bucket: number; events: number }[] = [];
      let now = 1_000;
      for (const { passes, bucketsAgo, events } of steps) {
        now += passes;
        const isInTime = bucketsAgo < size;
        expect(window.add(now - bucketsAgo, events, now)).toBe(isInTime);
        if (isInTime) model.push({ bucket: Math.min(now, now - bucketsAgo), events });
        const inWindow = model.filter(({ bucket }) => bucket > now - size);
        expect(window.total(now)).toBe(inWindow.reduce((sum, each) => sum + each.events, 0));
      }
    }),
  );
});

test("a clock that is set back by less than the window neither loses nor doubles anything; by more, the window begins anew", () => {
  const window = new WindowCounts(10);
  window.add(100, 3, 100);
  expect(window.total(95)).toBe(3);
  expect(window.add(95, 2, 95)).toBe(true);
  expect(window.total(104)).toBe(5);
  expect(window.total(20)).toBe(0);
  window.add(20, 1, 20);
  expect(window.total(21)).toBe(1);
});
