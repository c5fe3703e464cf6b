import { crc32 } from "node:zlib";
import type { ClaimStore } from "../../src/core/claim-store.ts";
import type { CollectedEvent } from "../../src/core/event.ts";
import type { Journal } from "../../src/core/journal.ts";
import type { RejectLog } from "../../src/core/reject-log.ts";
import type { Sink } from "../../src/core/sink.ts";
import type { Disk, DiskReader, DiskWriter } from "../../src/journal/disk.ts";
import type { SettleListener } from "../../src/pipeline/settlement.ts";
import { MARKER } from "./found-on-disk.ts";

/**
 * A bug put in from outside, by changing what passes between the parts: the code that is
 * shipped knows nothing of it. A simulation that does not catch it proves nothing.
 */
export interface Plant {
  disk?(disk: Disk): Disk;
  journal?(journal: Journal): Journal;
  letters?(letters: RejectLog): RejectLog;
  sink?(sink: Sink): Sink;
  claims?(store: ClaimStore): ClaimStore;
  /** Makes, for one pipeline, what passes its moves on. */
  settle?(): (...move: [...Parameters<SettleListener>, settle: SettleListener]) => void;
}

export const PLANTS: Readonly<Record<string, Plant>> = {
  /** What was never synced counts as synced. */
  "skip-fsync": {
    disk: (disk) => withWriters(disk, () => ({ datasync: () => Promise.resolve() })),
  },
  /** A file is synced, and its name is not. */
  "no-directory-sync": {
    disk: (disk) => changed(disk, { syncDirectory: () => Promise.resolve() }),
  },
  /** A sync that failed is tried once more, and the second success is believed. */
  "sync-again": {
    disk: (disk) => withWriters(disk, (file) => ({ datasync: () => file.datasync().catch(() => file.datasync()) })),
  },
  /** What does not belong to an event is taken for one: each record that is read gets the checksum it should have. */
  "no-crc-check": {
    disk: (disk) => changed(disk, { open: async (path) => forgiving(await disk.open(path)) }),
  },
  /** A sender is told that an event is written while it is still in memory. */
  "ack-before-write": {
    journal: (journal) =>
      changed(journal, {
        append(drafts, level) {
          const first = journal.nextPosition;
          const done = journal.append(drafts, level);
          done.catch(() => {});
          return journal.isFull(0) ? done : Promise.resolve(first);
        },
      }),
  },
  /** The journal lets go of events before the checkpoint that does not need them is saved. */
  "release-early": {
    journal: (journal) => changed(journal, { release: (position) => journal.release(Math.max(position, journal.end)) }),
  },
  /** A cursor passes one event more than is settled. */
  "cursor-too-far": {
    settle() {
      let ahead = 0;
      return (cursor, counts, missing, settle) => {
        settle(cursor + 1, counts, missing + 1 - ahead);
        ahead = 1;
      };
    },
  },
  /** An event counts as given up before it is in the dead letters. */
  "dead-letters-unwritten": {
    letters: (letters) => changed(letters, { append: () => Promise.resolve() }),
  },
  /** All of a batch counts as delivered, though the answer says that some of it is not. */
  "partial-as-delivered": {
    sink: (sink) =>
      changed(sink, {
        async write(batch, signal) {
          const receipt = await sink.write(batch, signal);
          return receipt.kind === "partial" ? { kind: "delivered" } : receipt;
        },
      }),
  },
  /** A batch that was delivered is sent again. */
  "delivered-as-retryable": {
    sink: (sink) =>
      changed(sink, {
        async write(batch, signal) {
          const receipt = await sink.write(batch, signal);
          return receipt.kind === "delivered" && batch.length === 3
            ? { kind: "retryable", reason: "planted" }
            : receipt;
        },
      }),
  },
  /** A reader passes over an event. */
  "reader-skips": {
    journal: (journal) =>
      changed(journal, {
        reader(from) {
          const reader = journal.reader(from);
          const some = (events: readonly CollectedEvent[]) => events.filter(({ position }) => position % 17 !== 16);
          return {
            get position() {
              return reader.position;
            },
            read(maxEvents, maxBytes) {
              const events = reader.read(maxEvents, maxBytes);
              return events instanceof Promise ? events.then(some) : some(events);
            },
            close: () => reader.close(),
          };
        },
      }),
  },
  /** What is too large for a sink is sent as a pointer to nothing. */
  "pointer-to-nothing": {
    claims: (store) => changed(store, { put: () => Promise.resolve() }),
  },
};

/** An object as it is, but for some of its methods. */
function changed<T extends object>(object: T, methods: Partial<T>): T {
  return new Proxy(object, {
    get(target, property) {
      const value: unknown = Reflect.get(property in methods ? methods : target, property, target);
      return typeof value === "function" && !(property in methods) ? (value.bind(target) as unknown) : value;
    },
  });
}

function withWriters(disk: Disk, methods: (file: DiskWriter) => Partial<DiskWriter>): Disk {
  return changed(disk, {
    createSync(path) {
      const file = disk.createSync(path);
      return changed(file, methods(file));
    },
  });
}

function forgiving(file: DiskReader): DiskReader {
  return {
    async read(buffer, offset) {
      const bytes = await file.read(buffer, offset);
      const read = Buffer.from(buffer.buffer, buffer.byteOffset, bytes);
      for (let at = read.indexOf(MARKER); at !== -1; at = read.indexOf(MARKER, at + 1)) {
        if (at + 12 > bytes) break;
        const end = at + 12 + read.readUInt32LE(at + 4);
        if (end <= bytes) read.writeUInt32LE(crc32(read.subarray(at + 12, end)), at + 8);
      }
      return bytes;
    },
    close: () => file.close(),
  };
}
