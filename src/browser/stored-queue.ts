import { LEASES, withLease } from "./lease.ts";

const CHUNKS = "chunks";
/** Some browsers never answer when storage is switched off. */
const OPEN_MS = 3_000;

/** Time in ms, what makes it unique, bytes. Chunks sort by age, and their sizes are known without reading them. */
type ChunkKey = [number, string, number];

/** Read at a time. */
const MAX_READ_CHUNKS = 50;

/** Events that were stored together. */
export interface StoredChunk {
  readonly key: ChunkKey;
  /** Each as JSON. */
  readonly events: readonly string[];
}

/**
 * Events that could not be sent yet, in IndexedDB, where all tabs of the origin see them and they outlive
 * the page. Without IndexedDB, as in some private windows, they are kept in memory, and so is each chunk
 * that the database fails to take.
 *
 * Invariant: what `add` keeps is bounded by `maxBytes`; only what is forced, at the end of a page, may exceed it.
 */
export class StoredQueue {
  readonly #name: string;
  readonly #maxBytes: number;
  readonly #opened: Promise<void>;
  #db: IDBDatabase | undefined;
  #memory: StoredChunk[] = [];

  /** @param name of the database and of the lock: the same for tabs that share the queue */
  constructor(name: string, maxBytes: number) {
    this.#name = name;
    this.#maxBytes = maxBytes;
    this.#opened = openDatabase(name).then(
      (db) => {
        this.#db = db;
        // Another tab removes the database, since consent was withdrawn.
        db?.addEventListener("versionchange", () => this.close());
      },
      () => {},
    );
  }

  /**
   * @param force do not look at the room there is, and do not wait: the page may end within this turn
   * @returns false when there is no room
   */
  async add(events: readonly string[], bytes: number, nowMs: number, force = false): Promise<boolean> {
    if (!force || this.#db === undefined) await this.#opened;
    const chunk: StoredChunk = { key: [nowMs, crypto.getRandomValues(new Uint32Array(2)).join("-"), bytes], events };
    try {
      if (this.#db !== undefined) return await this.#write(this.#db, chunk, force);
    } catch {
      this.close();
    }
    if (!force && bytesOf(this.#memory.map(({ key }) => key)) + bytes > this.#maxBytes) return false;
    this.#memory.push(chunk);
    return true;
  }

  async #write(db: IDBDatabase, { key, events }: StoredChunk, force: boolean): Promise<boolean> {
    const transaction = db.transaction(CHUNKS, "readwrite");
    const chunks = transaction.objectStore(CHUNKS);
    const done = committed(transaction);
    if (force) {
      chunks.put(events, key);
      // Or else it is given up when the page is gone before it has been told that the chunk was put.
      transaction.commit?.();
    } else {
      const keys = await settled<IDBValidKey[]>(chunks.getAllKeys());
      if (bytesOf(keys) + key[2] > this.#maxBytes) return false;
      chunks.put(events, key);
    }
    await done;
    return true;
  }

  /** The oldest chunks that fit into one request, at least one if there is any; fewer than there are, perhaps. */
  async oldest(maxEvents: number, maxBytes: number): Promise<readonly StoredChunk[]> {
    await this.#opened;
    try {
      const found = this.#db === undefined ? [] : await this.#read(this.#db);
      if (found.length > 0) return fitting(found, maxEvents, maxBytes);
    } catch {
      this.close();
    }
    return fitting(this.#memory, maxEvents, maxBytes);
  }

  async #read(db: IDBDatabase): Promise<readonly StoredChunk[]> {
    const store = db.transaction(CHUNKS).objectStore(CHUNKS);
    const [keys, events] = await Promise.all([
      settled<IDBValidKey[]>(store.getAllKeys(null, MAX_READ_CHUNKS)),
      settled<(readonly string[])[]>(store.getAll(null, MAX_READ_CHUNKS)),
    ]);
    return keys.filter(isChunkKey).map((key, index) => ({ key, events: events[index] ?? [] }));
  }

  /** When the database does not do it, it is not used any more: or else the chunks would be sent again and again. */
  async remove(chunks: readonly StoredChunk[]): Promise<void> {
    const inMemory = this.#memory.length;
    this.#memory = this.#memory.filter((chunk) => !chunks.includes(chunk));
    if (this.#db === undefined || this.#memory.length < inMemory) return;
    try {
      const transaction = this.#db.transaction(CHUNKS, "readwrite");
      for (const { key } of chunks) transaction.objectStore(CHUNKS).delete(key);
      await committed(transaction);
    } catch {
      this.close();
    }
  }

  /**
   * Does the work while no other tab that shares the queue does its own.
   *
   * @returns false when another tab is at it, and this one should ask again
   */
  async exclusively(owner: string, work: () => Promise<void>): Promise<boolean> {
    await this.#opened;
    if (this.#db === undefined) {
      await work();
      return true;
    }
    // Missing on pages over plain HTTP, which the types do not know.
    const locks: LockManager | undefined = navigator.locks;
    if (locks === undefined) return withLease(this.#db, owner, work);
    await locks.request(this.#name, work);
    return true;
  }

  close(): void {
    this.#db?.close();
    this.#db = undefined;
  }

  /** Forgets what is stored, in all tabs. */
  destroy(): void {
    this.#memory = [];
    void this.#opened.then(() => {
      this.close();
      removeStored(this.#name);
    });
  }
}

/** Removes what earlier pages have stored. Makes nothing where there was nothing. */
export function removeStored(name: string): void {
  try {
    indexedDB.deleteDatabase(name);
  } catch {
    // Without IndexedDB there is nothing to remove.
  }
}

function fitting(chunks: readonly StoredChunk[], maxEvents: number, maxBytes: number): readonly StoredChunk[] {
  let events = 0;
  let bytes = 0;
  const end = chunks.findIndex((chunk) => {
    events += chunk.events.length;
    bytes += chunk.key[2];
    return events > maxEvents || bytes > maxBytes;
  });
  return end < 0 ? chunks : chunks.slice(0, Math.max(1, end));
}

function openDatabase(name: string): Promise<IDBDatabase | undefined> {
  return new Promise((resolve, reject) => {
    // Throws where storage is forbidden, which rejects the promise.
    const request = indexedDB.open(name, 1);
    setTimeout(() => resolve(undefined), OPEN_MS);
    request.addEventListener("upgradeneeded", () => {
      request.result.createObjectStore(CHUNKS);
      request.result.createObjectStore(LEASES);
    });
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", (event) => {
      // Some browsers tell the page's own error handler otherwise.
      event.preventDefault();
      reject(request.error ?? new Error("not opened"));
    });
  });
}

function settled<T>(request: IDBRequest<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    request.addEventListener("success", () => resolve(request.result));
    request.addEventListener("error", () => reject(request.error ?? new Error("failed")));
  });
}

function committed(transaction: IDBTransaction): Promise<void> {
  return new Promise((resolve, reject) => {
    transaction.addEventListener("complete", () => resolve());
    transaction.addEventListener("abort", () => reject(transaction.error ?? new Error("aborted")));
  });
}

function isChunkKey(key: IDBValidKey): key is ChunkKey {
  return Array.isArray(key) && typeof key[0] === "number" && typeof key[2] === "number";
}

function bytesOf(keys: readonly IDBValidKey[]): number {
  return keys.reduce<number>((sum, key) => sum + (isChunkKey(key) ? key[2] : 0), 0);
}
