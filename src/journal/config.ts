import { z } from "zod";
import { byteSize } from "../core/config-fields.ts";

const DAY_MS = 86_400_000;

/** The `journal:` key. */
export const journalConfig = z
  .strictObject({
    dir: z
      .string()
      .min(1)
      .default("./data/journal")
      .describe("Directory of the journal; each worker has its own slot in it."),
    durability: z
      .enum(["memory", "os", "disk"])
      .default("os")
      .describe(
        "What an accepted event survives. memory: nothing. os: the end of the process, even kill -9. disk: a power cut (synced before the answer).",
      ),
    maxBytes: byteSize({ min: 1024 ** 2 })
      .prefault("8GiB")
      .describe("Most bytes a worker's slot holds, on disk or in memory. At it, senders are answered 429."),
    unsynced: z
      .strictObject({
        maxMs: z
          .int()
          .min(10)
          .max(60_000)
          .default(1_000)
          .describe("Longest time for which what is written may stay unsynced, in milliseconds."),
        maxBytes: byteSize({ min: 64 * 1024, max: 1024 ** 3 })
          .prefault("64MiB")
          .describe("Most bytes written that may be unsynced."),
      })
      .prefault({})
      .describe(
        "The most that a power cut may cost with durability os. A sync begins at half of it; where the disk does not keep up, events are acknowledged only once they are synced.",
      ),
    segmentBytes: byteSize({ min: 64 * 1024, max: 1024 ** 3 })
      .prefault("64MiB")
      .describe(
        "Size at which a new segment file begins. An eighth of maxBytes when that is less, so that space comes back in time.",
      ),
    tailBytes: byteSize({ min: 64 * 1024 })
      .prefault("32MiB")
      .describe("Newest events kept in memory for sinks that keep up; those that lag read from disk."),
    retainMs: z
      .int()
      .min(0)
      .default(0)
      .describe(
        "Keep events that every sink has had for at least this long, in milliseconds, for replay. They make room when maxBytes is reached. 0: delete at once.",
      ),
  })
  .prefault({});

export type JournalConfig = z.infer<typeof journalConfig>;

/** The `quarantine:` and `deadLetters:` keys. */
export function rejectLogConfig(defaultDir: string) {
  return z
    .strictObject({
      dir: z.string().min(1).default(defaultDir).describe("Directory of the NDJSON files."),
      maxBytes: byteSize({ min: 64 * 1024 })
        .prefault("1GiB")
        .describe("Most bytes a worker keeps. Past it the oldest files are deleted, and counted."),
      maxAgeMs: z
        .int()
        .min(60_000)
        .default(30 * DAY_MS)
        .describe("Files whose newest entry is older are deleted, in milliseconds."),
      fileBytes: byteSize({ min: 4096 })
        .prefault("64MiB")
        .describe("Size at which a new file begins. An eighth of maxBytes when that is less."),
    })
    .prefault({});
}

export type RejectLogConfig = z.infer<ReturnType<typeof rejectLogConfig>>;
