import { existsSync, mkdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as delay } from "node:timers/promises";

const LOOK_AGAIN_MS = 500;
/** Longer than any installation may take: who holds the lock for longer was killed. */
const ABANDONED_MS = 600_000;

/**
 * The folder of something that tests need and that is fetched: installed once for all runs of a
 * checkout, by one of the processes that want it at the same time. Rejects as `install` does.
 *
 * @param install fills the folder, which is empty and stays where it is
 */
export async function installOnce(name: string, install: (directory: string) => Promise<void>): Promise<string> {
  const cache = path.resolve(import.meta.dirname, "../../node_modules/.cache/millrace-tests");
  const directory = path.join(cache, name);
  const done = path.join(cache, `${name}.installed`);
  const lock = path.join(cache, `${name}.lock`);
  mkdirSync(cache, { recursive: true });
  while (!existsSync(done)) {
    if (!take(lock)) {
      await delay(LOOK_AGAIN_MS);
      continue;
    }
    try {
      if (existsSync(done)) break;
      rmSync(directory, { recursive: true, force: true });
      mkdirSync(directory);
      await install(directory);
      writeFileSync(done, "");
    } finally {
      rmSync(lock, { recursive: true, force: true });
    }
  }
  return directory;
}

function take(lock: string): boolean {
  try {
    mkdirSync(lock);
    return true;
  } catch {
    const ageMs = Date.now() - (statSync(lock, { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    if (ageMs > ABANDONED_MS) rmSync(lock, { recursive: true, force: true });
    return false;
  }
}
