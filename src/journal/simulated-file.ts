/** What a disk writes whole or not at all. */
const SECTOR_BYTES = 512;

interface Change {
  readonly kind: "write" | "truncate";
  /** Of a write: where it begins. Of a truncate: how many bytes are left. */
  readonly at: number;
  readonly bytes: Buffer;
}

/** A file of a simulated disk. */
export interface SimulatedFile {
  bytes: Buffer;
  modifiedMs: number;
  /** What is on the disk for certain, and what was done since. Absent: all of `bytes` is on the disk. */
  cache?: { readonly onDisk: Bytes; changes: Change[] };
  /** Memory of which `bytes` is the start, so that appending does not copy all of it. */
  memory?: Bytes;
  /** It has a size and no contents. */
  readonly isHollow?: boolean;
}

const NOTHING = Buffer.alloc(1024 ** 2);

/** Writes at `offset`; what lies between the end and there becomes zeros, as in a file with a hole. */
export function writeTo(file: SimulatedFile, buffer: Uint8Array, offset: number): void {
  if (file.isHollow === true) {
    file.bytes = NOTHING.subarray(0, Math.max(file.bytes.length, offset + buffer.length));
    return;
  }
  // A copy, as the kernel makes one: what its owner does with the buffer afterwards changes nothing here.
  const bytes = Buffer.from(buffer);
  cacheOf(file).changes.push({ kind: "write", at: offset, bytes });
  if (file.memory?.all !== file.bytes) file.memory = new Bytes(file.bytes);
  file.memory.write(bytes, offset);
  file.bytes = file.memory.all;
}

export function cutShort(file: SimulatedFile, bytes: number): void {
  if (file.isHollow === true) {
    file.bytes = NOTHING.subarray(0, bytes);
    return;
  }
  cacheOf(file).changes.push({ kind: "truncate", at: bytes, bytes: Buffer.alloc(0) });
  file.memory = new Bytes(file.bytes);
  file.memory.resize(bytes);
  file.bytes = file.memory.all;
}

/** Turns some bits of a byte over, as a disk does with what nobody has looked at for long. */
export function rot(file: SimulatedFile, offset: number, bits: number): void {
  const { onDisk } = cacheOf(file);
  for (const copy of [file.bytes, onDisk.all]) {
    if (offset < copy.length) copy[offset] = (copy[offset] ?? 0) ^ bits;
  }
}

/**
 * Begins to sync what has been done until now. When the sync fails, the changes count as
 * clean, as they do on Linux: the next one succeeds without them, and readers see them
 * until the power is cut.
 */
export function beginSync(file: SimulatedFile): { readonly succeed: () => void; readonly fail: () => void } {
  const cache = cacheOf(file);
  const syncing = new Set(cache.changes);
  const end = () => {
    cache.changes = cache.changes.filter((change) => !syncing.has(change));
  };
  return {
    succeed() {
      for (const { kind, at, bytes } of syncing) {
        if (kind === "write") cache.onDisk.write(bytes, at);
        else cache.onDisk.resize(at);
      }
      end();
    },
    fail: end,
  };
}

function cacheOf(file: SimulatedFile): NonNullable<SimulatedFile["cache"]> {
  file.cache ??= { onDisk: new Bytes(file.bytes), changes: [] };
  return file.cache;
}

/**
 * Leaves what a power cut may leave. Of the times the file was cut short the first few have
 * happened, since changes of its size keep their order; what was written after one that has
 * not happened went to blocks which the file never got. In between each sector has had the
 * first few of its writes.
 *
 * @param random from 0 up to 1
 */
export function cutPowerOf(file: SimulatedFile, random: () => number): void {
  if (file.cache === undefined || file.isHollow === true) return;
  const { onDisk, changes } = file.cache;
  delete file.cache;
  delete file.memory;
  let truncates = Math.floor(random() * (1 + changes.filter(({ kind }) => kind === "truncate").length));
  const left = new PartlyWritten(onDisk, random);
  for (const change of changes) {
    if (change.kind === "write") left.write(change);
    else if (truncates-- > 0) left.truncate(change.at);
    else break;
  }
  file.bytes = left.bytes();
}

class PartlyWritten {
  readonly #random: () => number;
  /** How likely a write is on disk. */
  readonly #likely: number;
  /** Written back in order: after the first write that is missing there are none. */
  readonly #inOrder: boolean;
  /** Sectors that have had no further write. */
  #stopped = new Set<number>();
  #allStopped = false;
  readonly #bytes: Bytes;
  #longest: number;

  constructor(onDisk: Bytes, random: () => number) {
    this.#random = random;
    this.#likely = [0, 1, random()][Math.floor(random() * 3)] ?? 0;
    this.#inOrder = random() < 0.3;
    this.#bytes = onDisk;
    this.#longest = onDisk.all.length;
  }

  write({ at, bytes }: Change): void {
    const end = at + bytes.length;
    this.#longest = Math.max(this.#longest, end);
    for (let from = at; from < end && !this.#allStopped;) {
      const sector = Math.floor(from / SECTOR_BYTES);
      const to = Math.min(end, (sector + 1) * SECTOR_BYTES);
      if (this.#hasBeenWritten(sector)) this.#bytes.write(bytes.subarray(from - at, to - at), from);
      from = to;
    }
  }

  #hasBeenWritten(sector: number): boolean {
    if (this.#stopped.has(sector)) return false;
    if (this.#random() < this.#likely) return true;
    this.#stopped.add(sector);
    this.#allStopped = this.#inOrder;
    return false;
  }

  truncate(bytes: number): void {
    this.#bytes.resize(bytes);
    this.#longest = bytes;
    this.#stopped = new Set();
    this.#allStopped = false;
  }

  /** The size may have reached the disk and the data not: such blocks read as zeros. */
  bytes(): Buffer {
    const missing = this.#longest - this.#bytes.all.length;
    const size = this.#random();
    if (size >= 0.7) this.#bytes.resize(this.#longest);
    else if (size >= 0.4) this.#bytes.resize(this.#longest - Math.floor(this.#random() * (missing + 1)));
    return this.#bytes.all;
  }
}

/** Bytes that grow in place. */
export class Bytes {
  #memory: Buffer;
  all: Buffer;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#memory = Buffer.from(bytes);
    this.all = this.#memory;
  }

  write(bytes: Buffer, at: number): void {
    if (at + bytes.length > this.all.length) this.resize(at + bytes.length);
    bytes.copy(this.all, at);
  }

  /** Cuts off the end, or adds zeros. */
  resize(length: number): void {
    const before = this.all.length;
    if (length > this.#memory.length) {
      const memory = Buffer.alloc(Math.max(length, 2 * this.#memory.length));
      this.all.copy(memory);
      this.#memory = memory;
    }
    this.all = this.#memory.subarray(0, length);
    if (length > before) this.all.fill(0, before);
  }
}
