import { basename, dirname } from "node:path";
import type { Disk, DiskReader, DiskWriter } from "./disk.ts";
import { beginSync, Bytes, cutPowerOf, cutShort, rot, type SimulatedFile, writeTo } from "./simulated-file.ts";

/** A file that was created, renamed or removed, or a directory that was created. */
interface NameChange {
  readonly order: number;
  readonly entries: readonly NamedEntry[];
  readonly directory: string | undefined;
}

interface NamedEntry {
  readonly path: string;
  readonly before: SimulatedFile | undefined;
  readonly after: SimulatedFile | undefined;
}

/** How a file system treats at a power cut what was not synced. */
export interface PowerCut {
  /** From 0 up to 1. */
  readonly random: () => number;
  /**
   * `journaled`: as ext4 and XFS do, names change in the order in which they were changed,
   * and a sync of a file takes along the change that named it and all before.
   * `unordered`: what POSIX promises: each is lost or kept by itself until its directory is synced.
   */
  readonly names: "journaled" | "unordered";
}

type Failing = "truncate" | "sync" | "create" | "read" | "unlink";

/** A file being read. */
interface SimulatedReader {
  readSync(buffer: Uint8Array, offset: number): number;
}

/**
 * A disk in memory whose faults a test decides: full, refusing, slow to sync, and without
 * power. What a power cut leaves: `docs/decisions/0012-the-journal-is-simulated.md`.
 */
export class SimulatedDisk implements Disk {
  readonly files = new Map<string, SimulatedFile>();
  /** When files are modified, in Unix milliseconds. */
  nowMs = 0;
  /** Bytes that writes may still take; then they take what fits, and fail with ENOSPC. */
  room = Number.POSITIVE_INFINITY;
  /** Bytes that all files together may have; unlike `room`, deleting gives them back. */
  capacity = Number.POSITIVE_INFINITY;
  /** Files that there can be. */
  inodes = Number.POSITIVE_INFINITY;
  /** Operations that fail with EIO while they are in this set. */
  readonly failing = new Set<Failing>();
  /** Paths of files of which only the size is kept, to save time: nobody reads them. */
  readonly hollow = new Set<string>();
  /** Parts of files that cannot be read (EIO): of whichever file has the path, or of one, whatever it is called. */
  readonly badSectors: {
    readonly path: string;
    readonly from: number;
    readonly to: number;
    readonly file?: SimulatedFile;
  }[] = [];
  /** What was done, for tests of order and number. */
  readonly calls = { write: 0, sync: 0, syncDirectory: 0 };
  /** Syncs wait for this. */
  syncing: Promise<void> = Promise.resolve();
  readonly #directories = new Set<string>();
  /** Changes that a power cut can undo, oldest first. */
  #names: NameChange[] = [];
  #changes = 0;
  /** Changes up to this one are on a disk whose file system keeps a journal. */
  #journaled = 0;

  createSync(path: string): SimulatedWriter {
    this.failOn("create");
    const old = this.files.get(path);
    if (old === undefined && this.files.size >= this.inodes) throw failure("ENOSPC");
    const file: SimulatedFile = old ?? {
      bytes: Buffer.alloc(0),
      modifiedMs: this.nowMs,
      cache: { onDisk: new Bytes(), changes: [] },
      isHollow: this.hollow.has(path),
    };
    if (old === undefined) this.#name([{ path, before: undefined, after: file }]);
    else cutShort(old, 0);
    return new SimulatedWriter(this, file);
  }

  /** Bytes that may still be written. */
  get free(): number {
    if (this.capacity === Number.POSITIVE_INFINITY) return this.room;
    let bytes = 0;
    for (const file of this.files.values()) bytes += file.bytes.length;
    return Math.min(this.room, Math.max(0, this.capacity - bytes));
  }

  openSync(path: string): SimulatedReader {
    const file = this.#file(path);
    return {
      readSync: (buffer, offset) => {
        this.failOn("read");
        const end = offset + buffer.length;
        const isBad = this.badSectors.some(
          (bad) =>
            (bad.file === undefined ? bad.path === path : bad.file === file) && bad.from < end && offset < bad.to,
        );
        if (isBad) throw failure("EIO");
        const part = file.bytes.subarray(offset, offset + buffer.length);
        buffer.set(part);
        return part.length;
      },
    };
  }

  async open(path: string): Promise<DiskReader> {
    const file = this.openSync(path);
    return Promise.resolve({
      read: async (buffer: Uint8Array, offset: number) => {
        await new Promise(setImmediate);
        return file.readSync(buffer, offset);
      },
      close: () => Promise.resolve(),
    });
  }

  /** Returns what to call once the names that have changed until now are on disk. */
  beginDirectorySync(path: string): () => void {
    const syncing = new Set(this.#names.filter((change) => touches(change, path)));
    return () => {
      for (const { order } of syncing) this.#journaled = Math.max(this.#journaled, order);
      this.#names = this.#names.filter((change) => !syncing.has(change));
    };
  }

  async syncDirectory(path: string): Promise<void> {
    this.calls.syncDirectory++;
    this.beginDirectorySync(path)();
    return Promise.resolve();
  }

  /** A sync of the file takes along the change that gave it its name, if the file system keeps a journal. */
  #journalNameOf(file: SimulatedFile): void {
    for (const { order, entries } of this.#names) {
      if (entries.some(({ after }) => after === file)) this.#journaled = Math.max(this.#journaled, order);
    }
  }

  truncateSync(path: string, bytes: number): void {
    this.failOn("truncate");
    const file = this.#file(path);
    cutShort(file, bytes);
    this.beginFileSync(file).succeed();
  }

  /** See `beginSync` of a file. */
  beginSync(path: string): { readonly succeed: () => void; readonly fail: () => void } {
    return this.beginFileSync(this.#file(path));
  }

  beginFileSync(file: SimulatedFile): { readonly succeed: () => void; readonly fail: () => void } {
    const sync = beginSync(file);
    return {
      succeed: () => {
        sync.succeed();
        this.#journalNameOf(file);
      },
      fail: sync.fail,
    };
  }

  async datasync(path: string): Promise<void> {
    this.failOn("sync");
    this.beginSync(path).succeed();
    return Promise.resolve();
  }

  async truncate(path: string, bytes: number): Promise<void> {
    this.truncateSync(path, bytes);
    return Promise.resolve();
  }

  renameSync(from: string, to: string): void {
    const file = this.#file(from);
    this.#name([
      { path: from, before: file, after: undefined },
      { path: to, before: this.files.get(to), after: file },
    ]);
  }

  async rename(from: string, to: string): Promise<void> {
    this.renameSync(from, to);
    return Promise.resolve();
  }

  unlinkSync(path: string): void {
    this.failOn("unlink");
    this.#name([{ path, before: this.#file(path), after: undefined }]);
  }

  async unlink(path: string): Promise<void> {
    this.unlinkSync(path);
    return Promise.resolve();
  }

  listSync(path: string): string[] {
    return [...this.files.keys()].filter((name) => dirname(name) === path).map((name) => basename(name));
  }

  async list(path: string): Promise<string[]> {
    return Promise.resolve(this.listSync(path));
  }

  statSync(path: string): { bytes: number; modifiedMs: number } {
    const { bytes, modifiedMs } = this.#file(path);
    return { bytes: bytes.length, modifiedMs };
  }

  async stat(path: string): Promise<{ bytes: number; modifiedMs: number }> {
    return Promise.resolve(this.statSync(path));
  }

  /** The directories above it are taken to be on disk. */
  mkdirSync(path: string): void {
    if (this.#directories.has(path)) return;
    this.#directories.add(path);
    this.#name([], path);
  }

  async mkdir(path: string): Promise<void> {
    this.mkdirSync(path);
    return Promise.resolve();
  }

  /** The disk as the next process finds it after this one was killed: a copy, without faults. */
  afterKill(): SimulatedDisk {
    const disk = new SimulatedDisk();
    disk.capacity = this.capacity;
    for (const [path, { bytes, modifiedMs }] of this.files)
      disk.files.set(path, { bytes: Buffer.from(bytes), modifiedMs });
    return disk;
  }

  /** Keeps, tears and loses what was not synced. */
  cutPower({ random, names }: PowerCut): void {
    const changes = this.#names;
    this.#names = [];
    for (const { entries } of changes.toReversed()) this.#undo(entries);
    const likely = random();
    let isPast = false;
    const lostDirectories: string[] = [];
    for (const { order, entries, directory } of changes) {
      isPast = names === "journaled" ? isPast || (order > this.#journaled && random() > likely) : random() > likely;
      if (!isPast) this.#redo(entries);
      else if (directory !== undefined) lostDirectories.push(directory);
    }
    for (const directory of lostDirectories) this.#loseDirectory(directory);
    for (const file of this.files.values()) cutPowerOf(file, random);
  }

  #loseDirectory(directory: string): void {
    this.#directories.delete(directory);
    for (const path of this.files.keys()) if (path.startsWith(`${directory}/`)) this.files.delete(path);
  }

  rot(path: string, offset: number, bits: number): void {
    rot(this.#file(path), offset, bits);
  }

  #name(entries: readonly NamedEntry[], directory?: string): void {
    this.#names.push({ order: ++this.#changes, entries, directory });
    this.#redo(entries);
  }

  #redo(entries: readonly NamedEntry[]): void {
    for (const { path, after } of entries) this.#set(path, after);
  }

  #undo(entries: readonly NamedEntry[]): void {
    for (const { path, before } of entries) this.#set(path, before);
  }

  #set(path: string, file: SimulatedFile | undefined): void {
    if (file === undefined) this.files.delete(path);
    else this.files.set(path, file);
  }

  #file(path: string): SimulatedFile {
    const file = this.files.get(path);
    if (file === undefined) throw failure("ENOENT");
    return file;
  }

  failOn(operation: Failing): void {
    if (this.failing.has(operation)) throw failure("EIO");
  }
}

/** A file being written on a simulated disk. */
export class SimulatedWriter implements DiskWriter {
  readonly #disk: SimulatedDisk;
  readonly #file: SimulatedFile;

  constructor(disk: SimulatedDisk, file: SimulatedFile) {
    this.#disk = disk;
    this.#file = file;
  }

  writeSync(buffer: Uint8Array, offset: number): number {
    const disk = this.#disk;
    const file = this.#file;
    disk.calls.write++;
    const over = Math.max(0, file.bytes.length - offset);
    const taken = Math.min(buffer.length, disk.room, over + disk.free);
    if (taken <= 0) throw failure("ENOSPC");
    disk.room -= taken;
    writeTo(file, buffer.subarray(0, taken), offset);
    file.modifiedMs = disk.nowMs;
    return taken;
  }

  truncateSync(bytes: number): void {
    this.#disk.failOn("truncate");
    cutShort(this.#file, bytes);
  }

  readSync(buffer: Uint8Array, offset: number): number {
    this.#disk.failOn("read");
    const part = this.#file.bytes.subarray(offset, offset + buffer.length);
    buffer.set(part);
    return part.length;
  }

  async read(buffer: Uint8Array, offset: number): Promise<number> {
    return Promise.resolve(this.readSync(buffer, offset));
  }

  /** See `beginSync` of a file. */
  beginSync(): { readonly succeed: () => void; readonly fail: () => void } {
    return this.#disk.beginFileSync(this.#file);
  }

  async datasync(): Promise<void> {
    this.#disk.calls.sync++;
    const sync = this.beginSync();
    await this.#disk.syncing;
    if (this.#disk.failing.has("sync")) sync.fail();
    this.#disk.failOn("sync");
    sync.succeed();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function touches({ entries, directory }: NameChange, path: string): boolean {
  return (
    (directory !== undefined && dirname(directory) === path) || entries.some((entry) => dirname(entry.path) === path)
  );
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
