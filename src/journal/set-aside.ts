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
  const number = 1 + Math.max(0, ...(await disk.list(aside)).map((name) => asideNumber(name)));
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
