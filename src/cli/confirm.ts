import { once } from "node:events";
import { createInterface } from "node:readline/promises";
import type { CliContext } from "./cli-context.ts";

/** Asks a person at a terminal. `false` where there is none. */
export async function confirm(question: string, { stdin, stdout }: CliContext): Promise<boolean> {
  if (!("isTTY" in stdin) || stdin.isTTY !== true || stdout.isTTY !== true) return false;
  const lines = createInterface({ input: stdin, output: stdout });
  // The end of the input is no answer, and ends the wait for one.
  const closed = once(lines, "close").then(() => "");
  try {
    const answer = await Promise.race([lines.question(`${question} [y/N] `), closed]);
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

/** Whether a plan that was shown is to be carried out: told by the command line, else by a person at a terminal. */
export async function mayApply(
  { apply, json }: { readonly apply?: true; readonly json?: true },
  context: CliContext,
): Promise<boolean> {
  if (apply || json) return apply === true;
  return confirm("Do it?", context);
}
