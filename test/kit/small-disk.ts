import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";

const run = promisify(execFile);

/** A real file system of a given size, in memory: a tmpfs in a temporary directory, unmounted when it goes out of scope. */
export class SmallDisk implements AsyncDisposable {
  readonly dir: string;

  private constructor(dir: string) {
    this.dir = dir;
  }

  /**
   * Throws where mounting is not permitted; Linux asks for root.
   *
   * @param inodes most files and directories on it
   */
  static async mount(mebibytes: number, inodes = 0): Promise<SmallDisk> {
    const dir = await mkdtemp(path.join(tmpdir(), "millrace-small-disk-"));
    try {
      await run("mount", ["-t", "tmpfs", "-o", `size=${mebibytes}m,nr_inodes=${inodes}`, "millrace-test", dir]);
    } catch (error) {
      await rm(dir, { recursive: true });
      throw error;
    }
    return new SmallDisk(dir);
  }

  /** Refused while a file on it is open for writing. */
  async makeReadOnly(): Promise<void> {
    await run("mount", ["-o", "remount,ro", this.dir]);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Lazily, since a process that is ending may still have a file open.
    await run("umount", ["--lazy", this.dir]);
    await rm(this.dir, { recursive: true });
  }
}
