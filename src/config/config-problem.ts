/** Keys and indexes from the root of the configuration to a value. */
export type ConfigPath = readonly (string | number)[];

/** One thing that is wrong with a configuration file, said so that a person can mend it. */
export interface ConfigProblem {
  /** The file as the user named it. */
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
  /** Counted from 1. */
  readonly column: number;
  /** `sinks[1].batch.maxEvents`; empty when the file as a whole is meant. */
  readonly path: string;
  /** What is wrong, what was expected, what was found. Never holds a secret. */
  readonly message: string;
}

/** `["sinks", 1, "batch"]` as `sinks[1].batch`; a key that is not a plain word is quoted. */
export function formatPath(path: ConfigPath): string {
  let text = "";
  for (const step of path) {
    if (typeof step === "number") text += `[${step}]`;
    else if (!/^[\w$-]+$/.test(step)) text += `[${JSON.stringify(step)}]`;
    else text += text === "" ? step : `.${step}`;
  }
  return text;
}

/** `millrace.yaml:12:5: sinks[1].type: …`, the form that terminals and editors make a link of. */
export function formatProblem(problem: ConfigProblem): string {
  const place = `${problem.file}:${problem.line}:${problem.column}`;
  return problem.path === "" ? `${place}: ${problem.message}` : `${place}: ${problem.path}: ${problem.message}`;
}

export function byPlace(a: ConfigProblem, b: ConfigProblem): number {
  return a.line - b.line || a.column - b.column;
}
