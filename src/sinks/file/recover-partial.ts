import { randomUUID } from "node:crypto";
import { open, rename, rm, stat } from "node:fs/promises";
import path from "node:path";
import { intactBytes } from "./intact-bytes.ts";
import { partialName } from "./layout.ts";
import type { OwnFile } from "./own-files.ts";
import { PartialFile } from "./partial-file.ts";

export interface Recovered {
  readonly path: string;
  /** Bytes kept; with none the file was deleted. */
  readonly keptBytes: number;
  /** Bytes of a batch that was not confirmed; the journal still has its events. */
  readonly cutBytes: number;
}

/**
 * Finishes a file that a crashed predecessor left under its hidden name: cuts it to its last
 * whole batch and gives it a final name. One of Parquet is deleted: its batch was not confirmed, or
 * the name would not be hidden. May be repeated if it fails half way.
 */
export async function recoverPartial({
  folder,
  file,
  name,
}: Pick<OwnFile, "folder" | "file" | "name">): Promise<Recovered> {
  if (name.format === "parquet") {
    const left = path.join(folder, file);
    const { size } = await stat(left);
    await rm(left);
    return { path: left, keptBytes: 0, cutBytes: size };
  }
  // Should the predecessor be alive after all, moving its file first makes its later writes
  // fail, so that it sends those events again; cutting first could cut what it has just confirmed.
  const claimed = { ...name, uuid: randomUUID() };
  await rename(path.join(folder, file), path.join(folder, partialName(claimed)));
  const handle = await open(path.join(folder, partialName(claimed)), "r+");
  try {
    const { size } = await handle.stat();
    const keptBytes = await intactBytes(handle, name.compression);
    const partial = PartialFile.adopt(handle, folder, claimed, keptBytes);
    await partial.finish();
    return { path: partial.finalPath, keptBytes, cutBytes: size - keptBytes };
  } finally {
    await handle.close();
  }
}
