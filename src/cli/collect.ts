import { forkEarly } from "../app/worker-program.ts";
import type { LogLevel } from "../telemetry/log.ts";
import type { CliContext } from "./cli-context.ts";

export interface CollectOptions {
  readonly config?: string;
  readonly json?: true;
  readonly logLevel?: LogLevel;
}

export interface CollectDefaults {
  readonly format: "json" | "pretty";
  readonly level?: LogLevel;
  readonly workers?: number;
}

/** Runs a collector until it is told to stop: what `start` and `dev` share. */
export async function collect(
  context: CliContext,
  options: CollectOptions,
  defaults: CollectDefaults,
): Promise<number> {
  using earlyChild = forkEarly();
  const { runCollect } = await import("./run-collect.ts");
  return await runCollect(context, options, defaults, earlyChild);
}
