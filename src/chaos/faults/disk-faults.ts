import type { Fault } from "../fault.ts";
import type { DiskFaults } from "../injection.ts";
import { sharedClockMs } from "../shared-clock.ts";

/** What happens to the disk under the journal and the file sink. */
export const DISK_FAULTS: readonly Fault[] = [
  {
    name: "disk-full",
    lanes: ["disk"],
    weight: 2,
    lengthMs: [1_000, 5_000],
    losesReceived: true,
    meaning: "no room on the disk of the journal",
    async begin({ journalDisk, injection }) {
      if (journalDisk.isSmall) {
        await journalDisk.fill();
        return { end: () => journalDisk.free() };
      }
      await injection.set({ disk: { write: { code: "ENOSPC", share: 1 } } });
      return { end: () => injection.set({ disk: {} }) };
    },
  },
  {
    ...diskFault(
      "disk-write-errors",
      [500, 4_000],
      "some writes fail with EIO, half of those after writing a part",
      () => ({
        write: { code: "EIO", share: 0.3 },
      }),
    ),
    losesReceived: true,
  },
  diskFault("disk-short-writes", [1_000, 5_000], "some writes take only a part of what they were given", () => ({
    shortWriteShare: 0.5,
  })),
  diskFault("disk-sync-errors", [500, 4_000], "some syncs fail with EIO", () => ({ failedSyncShare: 0.3 })),
  {
    name: "disk-sync-dead",
    lanes: ["disk"],
    weight: 1,
    lengthMs: [1_000, 4_000],
    meaning: "every sync fails with EIO: nothing may be acknowledged as durable",
    async begin({ injection, oracle }) {
      await injection.set({ disk: { failedSyncShare: 1 } });
      oracle.syncFails(sharedClockMs());
      return {
        async end() {
          oracle.syncWorks();
          await injection.set({ disk: {} });
        },
      };
    },
  },
  diskFault("disk-slow-syncs", [1_000, 5_000], "every sync takes up to half a second longer", (random) => ({
    syncDelayMs: 50 + Math.floor(450 * random()),
  })),
];

function diskFault(
  name: string,
  lengthMs: Fault["lengthMs"],
  meaning: string,
  faults: (random: () => number) => DiskFaults,
): Fault {
  return {
    name,
    lanes: ["disk"],
    weight: 1,
    lengthMs,
    meaning,
    async begin({ injection }, random) {
      await injection.set({ disk: faults(random) });
      return { end: () => injection.set({ disk: {} }) };
    },
  };
}
