import { basename, dirname } from "node:path";
import type { Disk, DiskReader, DiskWriter } from "./disk.ts";

interface File {
  bytes: Buffer;
  modifiedMs: number;
}

/** A disk in memory whose faults a test decides: full, refusing, slow to sync. */
export class SimulatedDisk implements Disk {
  readonly files = new Map<string, File>();
  /** When files are modified, in Unix milliseconds. */
  nowMs = 0;
  /** Bytes that writes may still take; then they take what fits, and fail with ENOSPC. */
  room = Number.POSITIVE_INFINITY;
  /** Bytes that all files together may have; unlike `room`, deleting gives them back. */
  capacity = Number.POSITIVE_INFINITY;
  /** Operations that fail with EIO while they are in this set. */
  readonly failing = new Set<"truncate" | "sync" | "create" | "read" | "unlink">();
  /** What was done, for tests of order and number. */
  readonly calls = { write: 0, sync: 0, syncDirectory: 0 };
  /** Syncs wait for this. */
  syncing: Promise<void> = Promise.resolve();

  createSync(path: string): DiskWriter {
    this.#failOn("create");
    const file: File = { bytes: Buffer.alloc(0), modifiedMs: this.nowMs };
    this.files.set(path, file);
    return {
      writeSync: (buffer, offset) => this.#write(file, buffer, offset),
      truncateSync: (bytes) => {
        this.#failOn("truncate");
        file.bytes = file.bytes.subarray(0, bytes);
      },
      datasync: async () => {
        this.calls.sync++;
        await this.syncing;
        this.#failOn("sync");
      },
      close: () => Promise.resolve(),
    };
  }

  #write(file: File, buffer: Uint8Array, offset: number): number {
    this.calls.write++;
    const taken = Math.min(buffer.length, this.room, file.bytes.length - offset + this.#free());
    if (taken <= 0) throw failure("ENOSPC");
    this.room -= taken;
    const grown = Buffer.alloc(Math.max(file.bytes.length, offset + taken));
    file.bytes.copy(grown);
    grown.set(buffer.subarray(0, taken), offset);
    file.bytes = grown;
    return taken;
  }

  #free(): number {
    let bytes = 0;
    for (const file of this.files.values()) bytes += file.bytes.length;
    return Math.max(0, this.capacity - bytes);
  }

  async open(path: string): Promise<DiskReader> {
    const file = this.#file(path);
    return Promise.resolve({
      read: async (buffer: Uint8Array, offset: number) => {
        await new Promise(setImmediate);
        this.#failOn("read");
        const part = file.bytes.subarray(offset, offset + buffer.length);
        buffer.set(part);
        return part.length;
      },
      close: () => Promise.resolve(),
    });
  }

  async syncDirectory(): Promise<void> {
    this.calls.syncDirectory++;
    return Promise.resolve();
  }

  async truncate(path: string, bytes: number): Promise<void> {
    this.#failOn("truncate");
    const file = this.#file(path);
    file.bytes = file.bytes.subarray(0, bytes);
    return Promise.resolve();
  }

  async rename(from: string, to: string): Promise<void> {
    this.files.set(to, this.#file(from));
    this.files.delete(from);
    return Promise.resolve();
  }

  async unlink(path: string): Promise<void> {
    this.#failOn("unlink");
    this.#file(path);
    this.files.delete(path);
    return Promise.resolve();
  }

  async list(path: string): Promise<string[]> {
    return Promise.resolve(
      [...this.files.keys()].filter((name) => dirname(name) === path).map((name) => basename(name)),
    );
  }

  async stat(path: string): Promise<{ bytes: number; modifiedMs: number }> {
    const { bytes, modifiedMs } = this.#file(path);
    return Promise.resolve({ bytes: bytes.length, modifiedMs });
  }

  async mkdir(): Promise<void> {
    return Promise.resolve();
  }

  /** The disk as the next process finds it after this one was killed: a copy, without faults. */
  afterKill(): SimulatedDisk {
    const disk = new SimulatedDisk();
    disk.capacity = this.capacity;
    for (const [path, file] of this.files) disk.files.set(path, { ...file, bytes: Buffer.from(file.bytes) });
    return disk;
  }

  #file(path: string): File {
    const file = this.files.get(path);
    if (file === undefined) throw failure("ENOENT");
    return file;
  }

  #failOn(operation: "truncate" | "sync" | "create" | "read" | "unlink"): void {
    if (this.failing.has(operation)) throw failure("EIO");
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(`${code}: simulated`), { code });
}
