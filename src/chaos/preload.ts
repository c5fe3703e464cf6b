/**
 * Loaded by Node into every process of a collector under test, before its own modules: makes
 * the disk and the wall clock go wrong as the control file says (see `injection.ts`). Without
 * that file it changes nothing. The collector's code has no part in it.
 */
import fs from "node:fs";
import { syncBuiltinESMExports } from "node:module";
import { sep } from "node:path";
import { CONTROL_EVERY_MS, CONTROL_VARIABLE, DIRECTORY_VARIABLE, type Injected } from "./injection.ts";

const control = process.env[CONTROL_VARIABLE] ?? "";
const directory = (process.env[DIRECTORY_VARIABLE] ?? "") + sep;
const NOTHING: Injected = { clockShiftMs: 0, disk: {} };

const { readFileSync } = fs;
let injected = NOTHING;
let readMs = Number.NEGATIVE_INFINITY;

/** Looked up when something needs it, not by a timer: a process that was stopped is right at once. */
function now(): Injected {
  const nowMs = performance.now();
  if (nowMs - readMs < CONTROL_EVERY_MS) return injected;
  readMs = nowMs;
  try {
    const read: Injected = JSON.parse(readFileSync(control, "utf8"));
    injected = read;
  } catch {
    injected = NOTHING;
  }
  return injected;
}

shiftClock();
spoilDisk();
syncBuiltinESMExports();

function shiftClock(): void {
  const trueNow = Date.now.bind(Date);
  const shiftedNow = (): number => trueNow() + now().clockShiftMs;
  Date.now = shiftedNow;
  globalThis.Date = new Proxy(Date, {
    construct(target, args: unknown[], newTarget) {
      const made: Date = Reflect.construct(target, args.length === 0 ? [shiftedNow()] : args, newTarget);
      return made;
    },
    apply: () => new Date(shiftedNow()).toString(),
  });
}

function failure(code: string, syscall: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`${code}: made to fail by millrace chaos, ${syscall}`), { code, syscall });
}

function strikes(share: number | undefined): boolean {
  return share !== undefined && Math.random() < share;
}

/** How many of the bytes a write gets to write, and the error it then fails with, if it does. */
function fateOfWrite(bytes: number): { readonly bytes: number; readonly error?: Error } {
  const { write, shortWriteShare } = now().disk;
  if (write !== undefined && strikes(write.share)) {
    return { bytes: Math.random() < 0.5 ? 0 : Math.floor(bytes / 2), error: failure(write.code, "write") };
  }
  if (bytes > 1 && strikes(shortWriteShare)) return { bytes: 1 + Math.floor(Math.random() * (bytes - 1)) };
  return { bytes };
}

function fateOfSync(): Error | undefined {
  return strikes(now().disk.failedSyncShare) ? failure("EIO", "fsync") : undefined;
}

function isBelow(path: unknown): boolean {
  return String(path).startsWith(directory);
}

function spoilDisk(): void {
  const descriptors = new Set<number>();
  spoilDescriptors(descriptors);
  spoilHandles();
}

/** The calls that take a file descriptor, which the journal uses. */
function spoilDescriptors(descriptors: Set<number>): void {
  const { openSync, close, closeSync, writeSync, fdatasync } = fs;
  Object.assign(fs, {
    openSync(...args: Parameters<typeof openSync>): number {
      const spoilt = isBelow(args[0]);
      const { write } = now().disk;
      if (spoilt && String(args[1]).startsWith("w") && write !== undefined && strikes(write.share))
        throw failure(write.code, "open");
      const fd = openSync(...args);
      if (spoilt) descriptors.add(fd);
      return fd;
    },
    close(...args: Parameters<typeof close>): void {
      descriptors.delete(args[0]);
      close(...args);
    },
    closeSync(fd: number): void {
      descriptors.delete(fd);
      closeSync(fd);
    },
    writeSync(fd: number, buffer: NodeJS.ArrayBufferView, offset: number, length: number, position: number): number {
      if (!descriptors.has(fd)) return writeSync(fd, buffer, offset, length, position);
      const fate = fateOfWrite(length);
      const written = fate.bytes === 0 ? 0 : writeSync(fd, buffer, offset, fate.bytes, position);
      if (fate.error !== undefined) throw fate.error;
      return written;
    },
    fdatasync(fd: number, done: (error: Error | null) => void): void {
      if (!descriptors.has(fd)) return fdatasync(fd, done);
      const error = fateOfSync();
      const sync = (): void => (error === undefined ? fdatasync(fd, done) : done(error));
      const { syncDelayMs = 0 } = now().disk;
      if (syncDelayMs === 0 && error === undefined) sync();
      else setTimeout(sync, syncDelayMs);
    },
  });
}

type Handle = fs.promises.FileHandle;
type HandleWrite = (
  this: Handle,
  buffer: Uint8Array,
  offset: number,
  length: number,
  position: number,
) => Promise<{ bytesWritten: number }>;

/** The calls that go by a `FileHandle`, which the file sink uses, and the directories of all. */
function spoilHandles(): void {
  const { open } = fs.promises;
  Object.assign(fs.promises, {
    async open(...args: Parameters<typeof open>): Promise<Handle> {
      const handle = await open(...args);
      if (isBelow(args[0])) spoilHandle(handle);
      return handle;
    },
  });
}

function spoilHandle(handle: Handle): void {
  const write = handle.write.bind(handle) as HandleWrite;
  const sync = handle.sync.bind(handle);
  const datasync = handle.datasync.bind(handle);
  Object.assign(handle, {
    sync: () => spoiltSync(sync),
    datasync: () => spoiltSync(datasync),
    async write(...[buffer, offset, length, position]: Parameters<HandleWrite>) {
      const fate = fateOfWrite(length);
      const written =
        fate.bytes === 0 ? { bytesWritten: 0, buffer } : await write.call(handle, buffer, offset, fate.bytes, position);
      if (fate.error !== undefined) throw fate.error;
      return written;
    },
  });
}

async function spoiltSync(really: () => Promise<void>): Promise<void> {
  const { syncDelayMs = 0 } = now().disk;
  if (syncDelayMs > 0) await new Promise((resolve) => setTimeout(resolve, syncDelayMs));
  const error = fateOfSync();
  if (error !== undefined) throw error;
  await really();
}
