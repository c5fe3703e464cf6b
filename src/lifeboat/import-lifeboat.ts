import { randomUUID } from "node:crypto";
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
 * journal, or the next to start on it, delivers what is in it. False when it is one already:
 * an earlier import was complete.
 *
 * All or nothing, also over a power cut and beside another import. Rejects with
 * `lifeboat_invalid` when a file is not as the manifest says, or the name cannot be a slot's.
 */
export async function importLifeboat(
  store: LifeboatStore,
  boat: string,
  { files }: Manifest,
  journalDir: string,
): Promise<boolean> {
  if (!SLOT_NAME.test(boat)) {
    throw new MillraceError(
      "lifeboat_invalid",
      `lifeboat ${boat} cannot become a slot: its name must be of letters, digits, dots, - and _, at most 128. Give it a shorter name where it is kept.`,
    );
  }
  const slot = join(journalDir, boat);
  if (await exists(slot)) return false;
  // A name with a dot is no slot: nobody looks into it before it is complete. And it is nobody else's.
  const partial = join(journalDir, `.importing-${randomUUID()}`);
  await mkdir(journalDir, { recursive: true, mode: 0o750 });
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
    // Fails when another import was first: a directory with files is not replaced.
    await rename(partial, slot);
    await syncPath(journalDir);
    return true;
  } catch (error) {
    await rm(partial, { recursive: true, force: true });
    throw error;
  }
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined)) !== undefined;
}
