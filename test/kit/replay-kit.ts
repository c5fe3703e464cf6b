import { spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { zstdDecompressSync, gunzipSync } from "node:zlib";

const main = path.join(import.meta.dirname, "../../src/main.ts");

export interface CommandResult {
  readonly code: number | NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs `millrace` in a process of its own. Resolves when it has ended, however it ended; killed after two minutes. */
export function runMillrace(
  dir: string,
  args: readonly string[],
  whileRunning: (child: { kill(signal: NodeJS.Signals): void }) => void = () => {},
): Promise<CommandResult> {
  const child = spawn(process.execPath, [main, ...args], {
    cwd: dir,
    env: { ...process.env, AWS_ACCESS_KEY_ID: "test", AWS_SECRET_ACCESS_KEY: "test" },
    timeout: 120_000,
  });
  const output = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk: Buffer) => (output.stdout += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (output.stderr += chunk.toString()));
  whileRunning({ kill: (signal) => void child.kill(signal) });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code, signal) => resolve({ code: code ?? signal, ...output }));
  });
}

/** The lines in the finished files of a file sink, as they are, in no particular order. */
export async function archivedLines(dir: string): Promise<string[]> {
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  const lines: string[] = [];
  for (const name of names) {
    if (path.basename(name).startsWith(".") || !name.includes(".ndjson")) continue;
    const bytes = await readFile(path.join(dir, name));
    const text = name.endsWith(".gz") ? gunzipSync(bytes) : name.endsWith(".zst") ? zstdDecompressSync(bytes) : bytes;
    for (const line of text.toString().split("\n")) if (line !== "") lines.push(line);
  }
  return lines;
}

/** The same as objects. */
export async function archivedEvents(dir: string): Promise<Record<string, unknown>[]> {
  return (await archivedLines(dir)).map((line): Record<string, unknown> => JSON.parse(line));
}
