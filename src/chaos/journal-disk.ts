import { execFile } from "node:child_process";
import { mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

const CHUNK = Buffer.alloc(1024 * 1024);
/** Filled up to here in the end, so that not even a small file fits. */
const LAST_BYTES = 4096;

/** Where the journal is: on a small disk of its own if possible, which can be filled. */
export interface JournalDisk extends AsyncDisposable {
  /** For the journal's directory. */
  readonly dir: string;
  /** What it is, in words, for the report. */
  readonly description: string;
  /** Whether it is small enough to be filled. */
  readonly isSmall: boolean;
  /** Leaves no room on it. */
  fill(): Promise<void>;
  /** Takes back what `fill` wrote. */
  free(): Promise<void>;
}

/**
 * Mounts a tmpfs of `bytes` at `dir`, which Linux allows to root only. Elsewhere `dir` is a
 * directory on the disk that is there, and the description says why.
 */
export async function openJournalDisk(dir: string, bytes: number): Promise<JournalDisk> {
  await mkdir(dir, { recursive: true });
  const reason = await mountTmpfs(dir, bytes);
  const ballast = join(dir, "ballast");
  return {
    dir,
    isSmall: reason === undefined,
    description:
      reason === undefined
        ? `a tmpfs of ${bytes / 1024 ** 2} MiB that is filled`
        : `errors of a full disk (ENOSPC) made inside the process, since no small disk could be mounted: ${reason}`,
    async fill() {
      const file = await open(ballast, "w");
      try {
        // Ever smaller pieces, until not one of the last size fits.
        for (let bytesOfPiece = CHUNK.length; bytesOfPiece >= LAST_BYTES;) {
          try {
            await file.write(CHUNK, 0, bytesOfPiece);
          } catch {
            bytesOfPiece /= 2;
          }
        }
      } finally {
        await file.close();
      }
    },
    free: () => rm(ballast, { force: true }),
    async [Symbol.asyncDispose]() {
      if (reason === undefined) await run("umount", [dir]);
    },
  };
}

/** Resolves with the reason when it cannot be done. */
async function mountTmpfs(dir: string, bytes: number): Promise<string | undefined> {
  if (process.platform !== "linux") return `${process.platform} has no tmpfs`;
  if (process.getuid?.() !== 0) return "mounting needs root";
  try {
    await run("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "millrace-chaos", dir]);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message.trim() : String(error);
  }
}
