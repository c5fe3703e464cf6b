import { readFile } from "node:fs/promises";
import path from "node:path";
import { watchChanges, type WatchTimes } from "../watch/watch-changes.ts";

/**
 * Calls `onChange` when the content of a file has changed. The folder is watched, since
 * notifications may come from elsewhere than the file: editors replace it, and Kubernetes swaps
 * a symbolic link beside it.
 */
export function watchConfig(file: string, onChange: () => Promise<void> | void, times?: WatchTimes): AsyncDisposable {
  // `undefined` while the file is not there or cannot be read.
  const look = () => readFile(file, "utf8").catch(() => undefined);
  return watchChanges({ look, folder: path.dirname(file), recursive: false }, onChange, times);
}
