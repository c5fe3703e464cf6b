import { mkdir, readFile, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { MillraceError } from "../core/errors.ts";
import { slotDirectory } from "./slot-directory.ts";
import { whyUnusable } from "./why-unusable.ts";

/** SQLite's codes for a file that another connection has locked, and for one that is no database. */
const SQLITE_BUSY = 5;
const SQLITE_NOTADB = 26;

/** The file that is locked. */
export const LOCK_NAME = "lock";

/** The process that has a slot, by what it says of itself. */
export interface SlotHolder {
  readonly pid: number;
  /** The process that started it. */
  readonly parent: number | undefined;
}

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
    database = await lockFile(join(directory, LOCK_NAME));
  } catch (error) {
    if (errcodeOf(error) !== SQLITE_BUSY) throw await unusable(directory, error);
    throw new MillraceError(
      "journal_locked",
      `the journal slot ${directory} is in use by process ${(await holder(holderPath))?.pid ?? "(unknown)"}. Stop that process, or give this one another journal.dir.`,
      { cause: error },
    );
  }
  // For people, and to find a worker that has lost its supervisor: the lock does not depend on it.
  await writeFile(holderPath, `${process.pid} ${process.ppid}\n`).catch(() => {});
  return {
    release() {
      if (database.isOpen) database.close();
      return Promise.resolve();
    },
  };
}

/**
 * The process that has a slot; `undefined` when none has, or none that can be told. Changes
 * nothing, and keeps nobody from locking it but for the moment of looking.
 */
export async function slotHolder(directory: string): Promise<SlotHolder | undefined> {
  let database: DatabaseSync;
  try {
    database = new DatabaseSync(join(directory, LOCK_NAME), { readOnly: true, timeout: 0 });
  } catch {
    // There is no lock, as in a copy of a slot.
    return undefined;
  }
  try {
    database.exec("SELECT 1 FROM sqlite_master");
    return undefined;
  } catch (error) {
    if (errcodeOf(error) !== SQLITE_BUSY) return undefined;
    return await holder(join(directory, "holder"));
  } finally {
    database.close();
  }
}

async function lockFile(path: string): Promise<DatabaseSync> {
  try {
    return openLocked(path);
  } catch (error) {
    // Someone wrote into it. Nobody has it locked, or that would be the error: it can be emptied.
    if (errcodeOf(error) !== SQLITE_NOTADB) throw error;
    await truncate(path);
    return openLocked(path);
  }
}

function openLocked(path: string): DatabaseSync {
  const database = new DatabaseSync(path, { timeout: 0 });
  try {
    database.exec("PRAGMA journal_mode = MEMORY; BEGIN EXCLUSIVE");
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

function errcodeOf(error: unknown): unknown {
  return error instanceof Error && "errcode" in error ? error.errcode : undefined;
}

async function holder(path: string): Promise<SlotHolder | undefined> {
  const text = await readFile(path, "utf8").catch(() => "");
  const [pid = 0, parent] = text.trim().split(" ").map(Number);
  return pid > 0 ? { pid, parent } : undefined;
}

async function unusable(directory: string, cause: unknown): Promise<MillraceError> {
  return new MillraceError(
    "journal_unusable",
    `the journal slot ${directory} cannot be used: ${await whyUnusable(directory, cause)}, or set journal.dir.`,
    { cause },
  );
}
