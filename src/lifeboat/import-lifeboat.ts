import { mkdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { MillraceError } from "../core/errors.ts";
import { SLOT_NAME } from "../core/slot-name.ts";
import { sha256Of } from "./lifeboat.ts";
import type { LifeboatStore } from "./lifeboat-store.ts";
import type { Manifest } from "./manifest.ts";
import { syncPath } from "./sync-path.ts";

/**
 * Makes a lifeboat a slot of a journal, of the lifeboat's name. A collector that runs on the
 * journal, or the next to start on it, delivers what is in it.
 *
 * All or nothing, also over a power cut. Rejects with `lifeboat_invalid` when a file is not as
 * the manifest says or the lifeboat is a slot of the journal already.
 */
export async function importLifeboat(
  store: LifeboatStore,
  boat: string,
  { files }: Manifest,
  journalDir: string,
): Promise<void> {
  if (!SLOT_NAME.test(boat)) {
    throw new MillraceError(
      "lifeboat_invalid",
      `lifeboat ${boat} cannot become a slot: its name must be of letters, digits, dots, - and _, at most 128. Give it a shorter name where it is kept.`,
    );
  }
  const slot = join(journalDir, boat);
  // A name with a dot is no slot: nobody looks into it before it is complete.
  const partial = join(journalDir, `.importing-${boat}`);
  if (await exists(slot)) {
    throw new MillraceError(
      "lifeboat_invalid",
      `lifeboat ${boat} was imported before: ${slot} is there. To import it once more, move that directory away.`,
    );
  }
  await mkdir(journalDir, { recursive: true, mode: 0o750 });
  await rm(partial, { recursive: true, force: true });
  await mkdir(partial, { mode: 0o750 });
  try {
    for (const { name, sha256 } of files) {
      const path = join(partial, name);
      await store.fetch(boat, name, path);
      if ((await sha256Of(path)) !== sha256) {
        throw new MillraceError(
          "lifeboat_invalid",
          `${name} of lifeboat ${boat} is damaged: its checksum is not that of the manifest. Nothing was imported.`,
        );
      }
      await syncPath(path);
    }
    await syncPath(partial);
    await rename(partial, slot);
    await syncPath(journalDir);
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
