import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MillraceError } from "../core/errors.ts";
import { slotDirectory } from "./slot-directory.ts";

/** SQLite's code for a file that another connection has locked. */
const SQLITE_BUSY = 5;

/** A slot that belongs to this process until it is released or the process ends, however it ends. */
export interface SlotLock {
  /** Safe to call twice. */
  release(): Promise<void>;
}

/**
 * Locks a journal slot for this process. Rejects with `journal_locked` while another has it.
 *
 * The lock is one that the kernel keeps (`fcntl`), so `kill -9` frees it and there is
 * nothing stale to judge; a file with a process id cannot be judged at all across
 * containers, where every collector has id 1. Node has no call for such a lock, but the
 * SQLite inside Node takes one: on an empty database that nothing is ever written to.
 */
export async function lockSlot(config: { readonly dir: string }, slot: string): Promise<SlotLock> {
  const directory = slotDirectory(config, slot);
  const holderPath = join(directory, "holder");
  let database: DatabaseSync;
  try {
    await mkdir(directory, { recursive: true, mode: 0o750 });
    database = new DatabaseSync(join(directory, "lock"), { timeout: 0 });
  } catch (error) {
    throw unusable(directory, error);
  }
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
  } catch (error) {
    database.close();
    if (!(error instanceof Error && "errcode" in error && error.errcode === SQLITE_BUSY))
      throw unusable(directory, error);
    throw new MillraceError(
      "journal_locked",
      `the journal slot ${directory} is in use by process ${await holder(holderPath)}. Stop that process, or give this one another journal.dir.`,
      { cause: error },
    );
  }
  // Only for the message above: the lock does not depend on it.
  await writeFile(holderPath, `${process.pid}\n`).catch(() => {});
  return {
    release() {
      if (database.isOpen) database.close();
      return Promise.resolve();
    },
  };
}

async function holder(path: string): Promise<string> {
  const text = await readFile(path, "utf8").catch(() => "");
  return text.trim() || "(unknown)";
}

function unusable(directory: string, cause: unknown): MillraceError {
  const problem = cause instanceof Error ? cause.message : String(cause);
  return new MillraceError("journal_unusable", `the journal slot ${directory} cannot be locked: ${problem}`, { cause });
}
