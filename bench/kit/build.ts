import { execFile } from "node:child_process";
import path from "node:path";
import { promisify } from "node:util";

const ROOT = path.join(import.meta.dirname, "../..");

/** Compiles the collector as it is shipped; returns its program. */
export async function build(): Promise<string> {
  const compiler = path.join(ROOT, "node_modules/.bin/tsc");
  await promisify(execFile)(compiler, ["-p", "tsconfig.build.json"], { cwd: ROOT });
  return path.join(ROOT, "dist/main.js");
}
