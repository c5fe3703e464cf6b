import { readFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { errorCode } from "../journal/disk.ts";
import type { Damage } from "../journal/segment-check.ts";
import { sha256Of } from "../lifeboat/lifeboat.ts";
import { MANIFEST_NAME, parseManifest } from "../lifeboat/manifest.ts";

/** Compares the files of a lifeboat with its manifest; finds nothing in a directory that is none. */
export async function checkLifeboat(directory: string): Promise<Damage[]> {
  let text: string;
  try {
    text = await readFile(join(directory, MANIFEST_NAME), "utf8");
  } catch (error) {
    if (errorCode(error) === "ENOENT") return [];
    throw error;
  }
  const damage: Damage[] = [];
  for (const { name, sha256 } of parseManifest(text, basename(directory)).files) {
    const found = await checksumOf(join(directory, name));
    if (found === undefined) damage.push({ file: name, problem: "is in the manifest, and not there" });
    else if (found !== sha256)
      damage.push({ file: name, problem: "is not what the manifest says: its checksum differs" });
  }
  return damage;
}

async function checksumOf(path: string): Promise<string | undefined> {
  try {
    return await sha256Of(path);
  } catch (error) {
    if (errorCode(error) === "ENOENT") return undefined;
    throw error;
  }
}
