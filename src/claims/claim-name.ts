import type { Claim } from "../core/claim-store.ts";
import { folderOf, hourOf } from "../formats/hour-folders.ts";

/**
 * Where a claim is, below the place for all of them: by the hour of receipt, position and content.
 * Nothing of it is what a sender wrote. Two claims with the same name are the same bytes, whichever
 * node or sink they come from, so that storing one again does no harm.
 */
export function claimName({ receivedMs, position, sha256, isJson }: Claim): string {
  const folder = folderOf(hourOf(receivedMs)).replaceAll("\\", "/");
  return `${folder}/${position}-${sha256}.${isJson ? "json" : "bin"}`;
}
