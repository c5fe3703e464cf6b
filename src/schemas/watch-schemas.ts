import { watchChanges, type WatchTimes } from "../watch/watch-changes.ts";
import { listSchemaFiles } from "./schema-files.ts";

/**
 * Calls `onChange` when a file of the schema directory was added, changed or removed, by its
 * change time. The caller loads the schemas anew, and keeps those in force when it cannot.
 */
export function watchSchemas(dir: string, onChange: () => Promise<void> | void, times?: WatchTimes): AsyncDisposable {
  return watchChanges({ look: () => stampsOf(dir), folder: dir, recursive: true }, onChange, times);
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
