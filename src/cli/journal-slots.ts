import { join, resolve } from "node:path";
import { MillraceError } from "../core/errors.ts";
import type { CliContext } from "./cli-context.ts";
import { reportProblems } from "./report-problems.ts";

/** How a command is told which slots to look at. */
export interface SlotOptions {
  readonly config?: string;
  readonly slot?: string;
  readonly json?: true;
}

/**
 * Directories of the slots that are meant: all of the configured journal or of `directory`,
 * which can also be a slot itself, or a lifeboat. `undefined` when the configuration has
 * problems, which are printed. Rejects with `usage` when there is no such slot, and with
 * `journal_unusable` when `directory` holds none: only a configured journal may not be there yet.
 */
export async function slotDirectories(
  directory: string | undefined,
  options: SlotOptions,
  context: CliContext,
): Promise<string[] | undefined> {
  const [{ isSlot }, { slotsOnDisk }] = await Promise.all([
    import("../journal/slot-inspection.ts"),
    import("../journal/slots-on-disk.ts"),
  ]);
  let dir: string;
  if (directory === undefined) {
    const { loadAppConfig } = await import("../app/load-app-config.ts");
    const loaded = await loadAppConfig({ file: options.config, cwd: context.cwd, env: context.env });
    if (loaded.kind === "problems") {
      reportProblems(loaded, context, options.json);
      return undefined;
    }
    dir = loaded.config.journal.dir;
  } else {
    dir = resolve(context.cwd, directory);
    if (await readable(dir, () => isSlot(dir))) {
      if (options.slot === undefined) return [dir];
      throw new MillraceError("usage", `${dir} is a slot itself: leave out --slot, or name its journal`);
    }
  }
  const slots: string[] = [];
  for (const { slot } of await slotsOnDisk({ dir })) {
    // Any other folder has a name that a slot could have, too.
    if (await readable(dir, () => isSlot(join(dir, slot)))) slots.push(slot);
  }
  if (directory !== undefined && slots.length === 0)
    throw new MillraceError(
      "journal_unusable",
      `${dir} holds no journal. A journal has a folder for each slot, such as 0, with *.seg files and a checkpoint.json; name it, one of these folders, or a lifeboat.`,
    );
  if (options.slot === undefined) return slots.map((slot) => join(dir, slot));
  if (slots.includes(options.slot)) return [join(dir, options.slot)];
  throw new MillraceError("usage", `${dir} has no slot ${options.slot}; it has ${slots.join(", ") || "none"}`);
}

async function readable<T>(dir: string, read: () => Promise<T>): Promise<T> {
  try {
    return await read();
  } catch (error) {
    const problem = error instanceof Error ? error.message : String(error);
    throw new MillraceError("journal_unusable", `the journal in ${dir} cannot be read: ${problem}`, { cause: error });
  }
}
