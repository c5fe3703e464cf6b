import { readdir, rm } from "node:fs/promises";
import path from "node:path";
import { z } from "zod";
import { MillraceError } from "../core/errors.ts";
import { errorCode } from "../journal/disk.ts";
import { loadJson, saveJson } from "./saved-json.ts";

const marksFile = z.object({ version: z.literal(1), lines: z.array(z.number()) });

/**
 * Which entries of a reject log were replayed: a file of marks for each of its files, by where the
 * lines begin. The log itself is never written to, since a collector may be doing so.
 */
export class ReplayedMarks {
  readonly #dir: string;
  readonly #marks = new Map<string, { readonly lines: Set<number>; changed: boolean }>();
  #saving: Promise<void> = Promise.resolve();

  private constructor(dir: string) {
    this.#dir = dir;
  }

  /**
   * Reads the marks of the files that are there, and deletes those of files that have aged out.
   *
   * @param files keys of the log's units
   */
  static async open(dir: string, files: readonly string[]): Promise<ReplayedMarks> {
    const marks = new ReplayedMarks(dir);
    const names = new Map(files.map((key) => [markName(key), key]));
    const present = await readdir(dir).catch((error: unknown) => {
      if (errorCode(error) === "ENOENT") return [];
      throw error;
    });
    for (const name of present) {
      const key = names.get(name);
      if (key !== undefined) await marks.#load(key, path.join(dir, name));
      else if (name.endsWith(".replayed.json")) await rm(path.join(dir, name), { force: true });
    }
    return marks;
  }

  async #load(key: string, file: string): Promise<void> {
    const found = marksFile.safeParse(await loadJson(file).catch(() => undefined));
    if (!found.success)
      throw new MillraceError(
        "replay_unusable",
        `${file}, which says what was replayed already, is damaged. Delete it to have all of its file replayed again.`,
      );
    this.#marks.set(key, { lines: new Set(found.data.lines), changed: false });
  }

  has(key: string, line: number): boolean {
    return this.#marks.get(key)?.lines.has(line) === true;
  }

  add(key: string, line: number): void {
    const marks = this.#marks.get(key) ?? { lines: new Set(), changed: false };
    marks.lines.add(line);
    marks.changed = true;
    this.#marks.set(key, marks);
  }

  /** Writes what was added; one at a time. */
  save(): Promise<void> {
    this.#saving = this.#saving.then(() => this.#save());
    return this.#saving;
  }

  async #save(): Promise<void> {
    for (const [key, marks] of this.#marks) {
      if (!marks.changed) continue;
      marks.changed = false;
      const lines = [...marks.lines].toSorted((a, b) => a - b);
      await saveJson(path.join(this.#dir, markName(key)), { version: 1, lines });
    }
  }
}

function markName(key: string): string {
  return `${path.posix.basename(key, ".ndjson")}.replayed.json`;
}
