import { basename } from "node:path";
import type { Disk, DiskReader, DiskWriter } from "../../src/journal/disk.ts";
import type { SimulatedWriter } from "../../src/journal/simulated-disk.ts";
import type { Dice } from "./dice.ts";
import type { Life } from "./life.ts";
import type { World } from "./world.ts";

/** How likely an operation fails, from 0 to 1, and how slow the disk is. */
export interface DiskFaults {
  create: number;
  write: number;
  /** A write takes only a part. */
  shortWrite: number;
  sync: number;
  read: number;
  /** Renames, removals, truncations, listings and syncs of directories. */
  names: number;
  /** Syncs take up to this long. */
  maxSyncMs: number;
}

export const NO_FAULTS: DiskFaults = { create: 0, write: 0, shortWrite: 0, sync: 0, read: 0, names: 0, maxSyncMs: 5 };

/** What a process sees of the simulated disk: slow, failing, and gone once the process has crashed. */
export class FaultyDisk implements Disk {
  readonly #world: World;
  readonly #life: Life;
  readonly #faults: DiskFaults;
  readonly #dice: Dice;
  /** Told of a file whose contents are about to go. */
  readonly #onGone: (path: string) => void;
  /** The file of which a write was broken off: the rest of it fails. */
  #failsNext: string | undefined;

  constructor(world: World, life: Life, faults: DiskFaults, onGone: (path: string) => void) {
    this.#onGone = onGone;
    this.#world = world;
    this.#life = life;
    this.#faults = faults;
    this.#dice = world.dice(`disk ${life.number}`);
  }

  createSync(path: string): DiskWriter {
    const writer = this.#now("create", path, "create", () => {
      this.#onGone(path);
      return this.#world.disk.createSync(path);
    });
    return writer === undefined ? DEAD_WRITER : this.#writer(path, writer);
  }

  #writer(path: string, writer: SimulatedWriter): DiskWriter {
    return {
      writeSync: (buffer, offset) => this.#write(path, writer, buffer, offset),
      truncateSync: (bytes) => {
        this.#now("truncate", path, "names", () => writer.truncateSync(bytes));
      },
      read: (buffer, offset) => this.#later("read", path, "read", () => writer.readSync(buffer, offset)),
      datasync: () => this.#sync(path, writer),
      close: () => Promise.resolve(),
    };
  }

  #write(path: string, writer: SimulatedWriter, buffer: Uint8Array, offset: number): number {
    if (this.#failsNext === path) {
      this.#failsNext = undefined;
      throw this.#error("write", path);
    }
    const { shortWrite, write } = this.#faults;
    // Most failures come in the midst of a write: some of it is taken, and then no more.
    const breaksOff = this.#dice.chance(write / 2);
    const isShort = (breaksOff || this.#dice.chance(shortWrite)) && buffer.length > 1;
    const part = isShort ? buffer.subarray(0, this.#dice.between(1, buffer.length - 1)) : buffer;
    if (isShort) this.#world.count("fault: short write");
    if (isShort && breaksOff) this.#failsNext = path;
    this.#world.disk.nowMs = this.#world.time.wallMs;
    return this.#now("write", path, "write", () => writer.writeSync(part, offset)) ?? buffer.length;
  }

  async #sync(path: string, writer: SimulatedWriter): Promise<void> {
    return this.#syncLater(path, () => writer.beginSync());
  }

  async datasync(path: string): Promise<void> {
    return this.#syncLater(path, () => this.#world.disk.beginSync(path));
  }

  async #syncLater(path: string, begin: () => ReturnType<SimulatedWriter["beginSync"]>): Promise<void> {
    if (!this.#life.alive) return forever();
    const crash = this.#life.tick();
    if (crash === "before") return this.#die();
    const sync = begin();
    await this.#wait(this.#dice.skewed(0, 1_000 * this.#faults.maxSyncMs) / 1_000);
    if (this.#dice.chance(this.#faults.sync)) {
      sync.fail();
      throw this.#error("sync", path);
    }
    sync.succeed();
    this.#world.trace.add("sync", basename(path));
    if (crash === "after") return this.#die();
  }

  async open(path: string): Promise<DiskReader> {
    const file = await this.#later("open", path, "read", () => this.#world.disk.openSync(path));
    return {
      read: (buffer, offset) => this.#later("read", path, "read", () => file.readSync(buffer, offset)),
      close: () => Promise.resolve(),
    };
  }

  async syncDirectory(path: string): Promise<void> {
    if (!this.#life.alive) return forever();
    const crash = this.#life.tick();
    if (crash === "before") return this.#die();
    const succeed = this.#world.disk.beginDirectorySync(path);
    await this.#wait(this.#dice.skewed(0, 1_000 * this.#faults.maxSyncMs) / 1_000);
    if (this.#dice.chance(this.#faults.names)) throw this.#error("sync of a directory", path);
    succeed();
    if (crash === "after") return this.#die();
  }

  async truncate(path: string, bytes: number): Promise<void> {
    return this.#later("truncate", path, "names", () => this.#world.disk.truncateSync(path, bytes));
  }

  async rename(from: string, to: string): Promise<void> {
    return this.#later("rename", from, "names", () => this.#world.disk.renameSync(from, to));
  }

  async unlink(path: string): Promise<void> {
    return this.#later("unlink", path, "names", () => {
      this.#onGone(path);
      this.#world.disk.unlinkSync(path);
    });
  }

  async list(path: string): Promise<string[]> {
    return this.#later("list", path, "names", () => this.#world.disk.listSync(path));
  }

  async stat(path: string): Promise<{ readonly bytes: number; readonly modifiedMs: number }> {
    return this.#later("stat", path, "read", () => this.#world.disk.statSync(path));
  }

  async mkdir(path: string): Promise<void> {
    return this.#later("mkdir", path, "names", () => this.#world.disk.mkdirSync(path));
  }

  /** An operation during which the process waits; `undefined` when it is dead. */
  #now<T>(what: string, path: string, fault: keyof DiskFaults, effect: () => T): T | undefined {
    if (!this.#life.alive) return undefined;
    const crash = this.#life.tick();
    if (crash === "before") {
      this.#life.crashAsArmed();
      return undefined;
    }
    if (this.#dice.chance(this.#faults[fault])) throw this.#error(what, path);
    try {
      return effect();
    } catch (error) {
      this.#world.trace.add("disk", what, basename(path), String(error));
      throw error;
    } finally {
      if (crash === "after") this.#life.crashAsArmed();
    }
  }

  /** An operation that takes its time, and has its effect at its beginning or at its end. */
  async #later<T>(what: string, path: string, fault: keyof DiskFaults, effect: () => T): Promise<T> {
    if (!this.#life.alive) return forever();
    const crash = this.#life.tick();
    if (crash === "before") return this.#die();
    if (this.#dice.chance(this.#faults[fault])) {
      await this.#wait(this.#dice.next());
      throw this.#error(what, path);
    }
    const isEarly = this.#dice.chance(0.5);
    const early = isEarly ? attempt(effect) : undefined;
    await this.#wait(this.#dice.skewed(20, 1_500) / 1_000);
    const result = early ?? attempt(effect);
    if (fault === "names") this.#world.trace.add(what, basename(path), "error" in result ? String(result.error) : "");
    if (crash === "after") return this.#die();
    if ("error" in result) throw result.error;
    return result.value;
  }

  async #wait(delayMs: number): Promise<void> {
    return this.#world.time.wait(delayMs, this.#life);
  }

  async #die<T>(): Promise<T> {
    this.#life.crashAsArmed();
    return forever();
  }

  #error(what: string, path: string): Error {
    this.#world.count(`fault: ${what} fails`);
    this.#world.trace.add("EIO", what, basename(path));
    this.#life.diskErrors.add(what);
    if (/^(sync|truncate|open)/.test(what)) {
      this.#world.hasFailedSyncs = true;
      this.#world.livesWithFailedSyncs.add(this.#life.number);
    }
    if (basename(path).startsWith("checkpoint") && ["open", "read", "stat"].includes(what))
      this.#world.checkpointIsDamaged = true;
    return Object.assign(new Error(`EIO: simulated, ${what} ${path}`), { code: "EIO" });
  }
}

const DEAD_WRITER: DiskWriter = {
  writeSync: (buffer) => buffer.length,
  truncateSync: () => {},
  read: forever,
  datasync: forever,
  close: forever,
};

async function forever<T>(): Promise<T> {
  return new Promise(() => {});
}

function attempt<T>(effect: () => T): { readonly value: T } | { readonly error: unknown } {
  try {
    return { value: effect() };
  } catch (error) {
    return { error };
  }
}
