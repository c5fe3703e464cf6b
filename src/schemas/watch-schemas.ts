import { type FSWatcher, watch } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { listSchemaFiles } from "./schema-files.ts";

export interface SchemaWatchTimes {
  /** How long the files must stay the same, in milliseconds: editors and checkouts change them in several steps. */
  readonly settleMs: number;
  /** How often to look without being told, in milliseconds. */
  readonly pollMs: number;
}

/**
 * Calls `onChange` when a file of the schema directory was added, changed or removed; not again before it
 * returns. The caller loads the schemas anew, and keeps those in force when it cannot. Disposing stops the
 * watch and waits for a call that is under way. Watching does not keep the process alive.
 *
 * Change times are what finds changes; notifications only make it prompt, as many file systems give none.
 */
export function watchSchemas(
  dir: string,
  onChange: () => Promise<void> | void,
  times: SchemaWatchTimes = { settleMs: 200, pollMs: 5_000 },
): AsyncDisposable {
  const closing = new AbortController();
  const { signal } = closing;
  let noticed = Promise.withResolvers<void>();
  const watcher = notify(dir, () => noticed.resolve());
  const watching = follow();

  async function follow(): Promise<void> {
    let known = await stampsOf(dir);
    while (!signal.aborted) {
      await Promise.race([noticed.promise, pause(times.pollMs, signal)]);
      noticed = Promise.withResolvers();
      const stamps = await settledStamps(known);
      if (stamps === known || signal.aborted) continue;
      known = stamps;
      await onChange();
    }
  }

  /** The change times once they have stayed the same for `settleMs`, or `known` again. */
  async function settledStamps(known: string): Promise<string> {
    let stamps = await stampsOf(dir);
    while (stamps !== known && !signal.aborted) {
      await pause(times.settleMs, signal);
      const later = await stampsOf(dir);
      if (later === stamps) break;
      stamps = later;
    }
    return stamps;
  }

  return {
    async [Symbol.asyncDispose]() {
      closing.abort();
      watcher?.close();
      await watching;
    },
  };
}

/** Which files there are, and when each was changed; for a directory that cannot be read, why. */
async function stampsOf(dir: string): Promise<string> {
  try {
    const files = await listSchemaFiles(dir);
    return files.map(({ path, stamp }) => `${path} ${stamp}`).join("\n");
  } catch (error) {
    return String(error);
  }
}

/** Waits for the delay, or for the signal. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await setTimeout(delayMs, undefined, { signal, ref: false }).catch(() => undefined);
}

function notify(dir: string, notice: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(dir, { persistent: false, recursive: true }, notice);
    return watcher.on("error", () => watcher.close());
  } catch {
    return undefined;
  }
}
