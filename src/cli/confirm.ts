import { createInterface } from "node:readline/promises";
import type { CliContext } from "./cli-context.ts";

/** Asks a person at a terminal. `false` where there is none. */
export async function confirm(question: string, { stdin, stdout }: CliContext): Promise<boolean> {
  if (!("isTTY" in stdin) || stdin.isTTY !== true || stdout.isTTY !== true) return false;
  const lines = createInterface({ input: stdin, output: stdout });
  try {
    return /^y(es)?$/i.test((await lines.question(`${question} [y/N] `)).trim());
  } finally {
    lines.close();
  }
}
