import type { ForkOptions } from "node:child_process";

/** Options of Node for a debugger: with a value after `=`, after a blank, or without one. */
const INSPECT = /^--(?:inspect(?:-brk|-wait)?|inspect-port|debug-port|inspect-publish-uid)(?:=|$)/;
const INSPECT_WITH_VALUE = /^--(?:inspect-port|debug-port|inspect-publish-uid)$/;

/**
 * How workers are forked: their output is ours, so that a sink may write to standard output,
 * and messages may hold what `structuredClone` takes.
 *
 * A debugger of the supervisor is not theirs, for they would all want its port. SIGUSR1 opens
 * one for a worker, on any free port.
 */
export function forkOptions(env: NodeJS.ProcessEnv, execArgv: readonly string[]): ForkOptions {
  const { NODE_OPTIONS: nodeOptions, ...others } = env;
  return {
    env:
      nodeOptions === undefined
        ? others
        : { ...others, NODE_OPTIONS: withoutInspect(nodeOptions.split(" ")).join(" ") },
    execArgv: [...withoutInspect(execArgv), "--inspect-port=0"],
    serialization: "advanced",
    stdio: ["ignore", "inherit", "inherit", "ipc"],
  };
}

function withoutInspect(args: readonly string[]): string[] {
  return args.filter((arg, at) => !INSPECT.test(arg) && !INSPECT_WITH_VALUE.test(args[at - 1] ?? ""));
}
