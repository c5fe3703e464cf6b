import { type FSWatcher, watch } from "node:fs";
import { setTimeout } from "node:timers/promises";

export interface WatchTimes {
  /** How long what is watched must stay the same, in milliseconds: editors, checkouts and `kubectl` change files in several steps. */
  readonly settleMs: number;
  /** How often to look without being told, in milliseconds. */
  readonly pollMs: number;
}

const TIMES: WatchTimes = { settleMs: 200, pollMs: 5_000 };

export interface Watched {
  /** What is there now: another text, or `undefined`, for anything that counts as a change. Must not reject. */
  readonly look: () => Promise<string | undefined>;
  /** The folder whose notifications say that it is time to look. */
  readonly folder: string;
  /** Whether those of the folders below count too. */
  readonly recursive: boolean;
}

/**
 * Calls `onChange` when `look` finds something else than before; not again before it returns.
 * Disposing stops the watch and waits for a call that is under way. Watching does not keep the
 * process alive.
 *
 * Polling is what finds changes; notifications only make it prompt. That holds where the
 * system has none to give: network file systems, exhausted inotify watches.
 */
export function watchChanges(
  { look, folder, recursive }: Watched,
  onChange: () => Promise<void> | void,
  times: WatchTimes = TIMES,
): AsyncDisposable {
  const closing = new AbortController();
  const { signal } = closing;
  let noticed = Promise.withResolvers<void>();
  const watcher = notify(folder, recursive, () => noticed.resolve());
  const watching = follow();

  async function follow(): Promise<void> {
    let known = await look();
    while (!signal.aborted) {
      await Promise.race([noticed.promise, pause(times.pollMs, signal)]);
      noticed = Promise.withResolvers();
      const found = await settled(known);
      if (found === known || signal.aborted) continue;
      known = found;
      await onChange();
    }
  }

  /** What is there once it has stayed the same for `settleMs`, or `known` again. */
  async function settled(known: string | undefined): Promise<string | undefined> {
    let found = await look();
    while (found !== known && !signal.aborted) {
      await pause(times.settleMs, signal);
      const later = await look();
      if (later === found) break;
      found = later;
    }
    return found;
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

function notify(folder: string, recursive: boolean, notice: () => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false, recursive }, notice);
    return watcher.on("error", () => watcher.close());
  } catch {
    return undefined;
  }
}
