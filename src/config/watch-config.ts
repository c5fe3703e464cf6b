import { type FSWatcher, watch } from "node:fs";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { setTimeout } from "node:timers/promises";

export interface WatchTimes {
  /** How long the content must stay the same, in milliseconds: editors and `kubectl` change files in several steps. */
  readonly settleMs: number;
  /** How often to look without being told, in milliseconds. */
  readonly pollMs: number;
}

/**
 * Calls `onChange` when the content of a file has changed; not again before it returns.
 * Disposing stops the watch and waits for a call that is under way. Watching does not
 * keep the process alive.
 *
 * Polling is what finds changes; notifications only make it prompt. That holds where
 * the system has none to give (network file systems, exhausted inotify watches) and
 * where they come from elsewhere than the file: editors replace the file, and
 * Kubernetes swaps a symbolic link beside it, so it is the folder that is watched.
 */
export function watchConfig(
  file: string,
  onChange: () => Promise<void> | void,
  times: WatchTimes = { settleMs: 200, pollMs: 5_000 },
): AsyncDisposable {
  const closing = new AbortController();
  const { signal } = closing;
  let noticed = Promise.withResolvers<void>();
  const watcher = notify(path.dirname(file), () => noticed.resolve());
  const watching = follow();

  async function follow(): Promise<void> {
    let known = await contentOf(file);
    while (!signal.aborted) {
      await Promise.race([noticed.promise, pause(times.pollMs, signal)]);
      noticed = Promise.withResolvers();
      const content = await settledContent(known);
      if (content === known || signal.aborted) continue;
      known = content;
      await onChange();
    }
  }

  /** What the file holds once it has stayed the same for `settleMs`, or `known` again. */
  async function settledContent(known: string | undefined): Promise<string | undefined> {
    let content = await contentOf(file);
    while (content !== known && !signal.aborted) {
      await pause(times.settleMs, signal);
      const later = await contentOf(file);
      if (later === content) break;
      content = later;
    }
    return content;
  }

  return {
    async [Symbol.asyncDispose]() {
      closing.abort();
      watcher?.close();
      await watching;
    },
  };
}

/** Waits for the delay, or for the signal. */
async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  await setTimeout(delayMs, undefined, { signal, ref: false }).catch(() => undefined);
}

function notify(folder: string, notice: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, notice);
    return watcher.on("error", () => watcher.close());
  } catch {
    return undefined;
  }
}

/** `undefined` while the file is not there or cannot be read. */
async function contentOf(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(() => undefined);
}
