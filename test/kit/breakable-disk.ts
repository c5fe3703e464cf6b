import { execFile } from "node:child_process";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/**
 * A real ext4 in a file, that can be made to find an error in itself: it is read-only from
 * that moment on, also for files that are open, as a server's disk becomes when it fails.
 */
export class BreakableDisk implements AsyncDisposable {
  readonly dir: string;
  readonly #root: string;
  #isMounted = false;

  private constructor(root: string) {
    this.#root = root;
    this.dir = path.join(root, "mounted");
  }

  /** Throws where mounting is not permitted; Linux asks for root, and for a loop device. */
  static async mount(mebibytes: number): Promise<BreakableDisk> {
    const disk = new BreakableDisk(await mkdtemp(path.join(tmpdir(), "millrace-breakable-disk-")));
    try {
      await mkdir(disk.dir);
      await writeFile(disk.#image, "");
      await run("truncate", ["--size", `${mebibytes}M`, disk.#image]);
      await run("mkfs.ext4", ["-q", "-F", disk.#image]);
      await disk.#mount();
    } catch (error) {
      await disk[Symbol.asyncDispose]();
      throw error;
    }
    return disk;
  }

  get #image(): string {
    return path.join(this.#root, "image");
  }

  async #mount(): Promise<void> {
    await run("mount", ["-o", "loop,errors=remount-ro", this.#image, this.dir]);
    this.#isMounted = true;
  }

  async breakNow(): Promise<void> {
    const { stdout } = await run("losetup", ["--noheadings", "--output", "NAME", "--associated", this.#image]);
    await writeFile(`/sys/fs/ext4/${path.basename(stdout.trim())}/trigger_fs_error`, "1");
  }

  /** Takes the disk out, mends its file system and puts it in again. Nothing may have a file on it open. */
  async repair(): Promise<void> {
    await run("umount", [this.dir]);
    this.#isMounted = false;
    await run("e2fsck", ["-f", "-y", this.#image]).catch((error: { code?: number }) => {
      // 1: errors were corrected.
      if (error.code !== 1) throw error;
    });
    await this.#mount();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily, since a process that is ending may still have a file open.
    if (this.#isMounted) await run("umount", ["--lazy", this.dir]);
    await rm(this.#root, { recursive: true });
  }
}
