import type { Readable, Writable } from "node:stream";

/** A stream to a person or to another program; process.stdout and process.stderr are such. */
export type Output = Writable & { readonly isTTY?: boolean; readonly fd?: number; readonly columns?: number };

/** What a command may use of its process, passed in so that tests run commands without one. */
export interface CliContext {
  readonly stdin: Readable;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: NodeJS.ProcessEnv;
  readonly cwd: string;
}

/** Runs a command's work and takes its exit code. */
export type Run = (work: () => Promise<number>) => Promise<void>;

export function printLine(stream: Output, text = ""): void {
  stream.write(`${text}\n`);
}

/** An error for a program to read: one line, so that it fits among log lines. */
export function printJsonError(stream: Output, error: { code: string; message?: string; problems?: unknown }): void {
  printLine(stream, JSON.stringify({ error }));
}

export function printJson(stream: Output, value: unknown): void {
  stream.write(`${JSON.stringify(value, null, 2)}\n`);
}
