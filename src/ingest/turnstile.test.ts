import { expect, test } from "vitest";
import { Turnstile } from "./turnstile.ts";

test("each passes in order, in a turn of the event loop of its own", async () => {
  const turnstile = new Turnstile();
  let turn = 0;
  let open = true;
  const count = (): void => {
    turn++;
    if (open) setImmediate(count);
  };
  setImmediate(count);
  const passed = await Promise.all([0, 1, 2].map((id) => turnstile.pass().then(() => [id, turn] as const)));
  open = false;
  expect(passed.map(([id]) => id)).toEqual([0, 1, 2]);
  expect(new Set(passed.map(([, at]) => at)).size).toBe(3);
});
