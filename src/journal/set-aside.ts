import { basename, join } from "node:path";
import { type Disk, errorCode } from "./disk.ts";

/** Where what cannot be used is kept for a person to look at, within the slot. */
export const DAMAGED_DIRECTORY = "damaged";

const NUMBER = /\.(\d+)(\.[a-z]+)?$/;

/**
 * Moves a file of a slot to its `damaged/`, as `<name>.<number><suffix>`: numbers go up, so
 * nothing there is ever replaced. Returns the new path. Rejects with the disk's error when it
 * could not be moved.
 */
export async function setAside(disk: Disk, directory: string, path: string, suffix = ""): Promise<string> {
  const aside = join(directory, DAMAGED_DIRECTORY);
  await disk.mkdir(aside);
  const number = nextNumber(await disk.list(aside));
  const target = join(aside, `${basename(path)}.${number}${suffix}`);
  await disk.rename(path, target);
  try {
    await disk.syncDirectory(aside);
    await disk.syncDirectory(directory);
  } catch {
    // It was moved. A power cut may move it back, and then it is set aside once more.
  }
  return target;
}

/**
 * As `setAside`, of what a start must not stumble over. A full disk has no room for `damaged/`:
 * the file then stays in the slot, under a name that nobody looks for, which takes none.
 */
export async function setAsideOrRename(disk: Disk, directory: string, path: string): Promise<string> {
  try {
    return await setAside(disk, directory, path);
  } catch {
    const names = (await disk.list(directory)).filter((name) => name.startsWith(`${basename(path)}.`));
    const target = `${path}.${nextNumber(names)}`;
    await disk.rename(path, target);
    return target;
  }
}

function nextNumber(names: readonly string[]): number {
  return 1 + Math.max(0, ...names.map((name) => asideNumber(name)));
}

/** In which order a file in `damaged/` came there. */
export function asideNumber(name: string): number {
  return Number(NUMBER.exec(name)?.[1] ?? 0);
}

/** Names of what was set aside in a slot. */
export async function listAside(disk: Disk, directory: string): Promise<string[]> {
  try {
    return (await disk.list(join(directory, DAMAGED_DIRECTORY))).toSorted();
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
}
