import { PassThrough } from "node:stream";
import { expect, test } from "vitest";
import { confirm } from "./confirm.ts";

async function answered(answer: string, isTTY: boolean): Promise<boolean> {
  const [stdin, stdout, stderr] = [0, 1, 2].map(() => Object.assign(new PassThrough(), { isTTY }));
  if (stdin === undefined || stdout === undefined || stderr === undefined) throw new Error("there are three");
  const asking = confirm("Do it?", { stdin, stdout, stderr, env: {}, cwd: "/" });
  stdin.end(answer);
  return asking;
}

test("only a yes at a terminal is a yes", async () => {
  expect(await answered("y\n", true)).toBe(true);
  expect(await answered("YES\n", true)).toBe(true);
  expect(await answered("\n", true)).toBe(false);
  expect(await answered("", true)).toBe(false);
  expect(await answered("no\n", true)).toBe(false);
  expect(await answered("y\n", false)).toBe(false);
});
