import { join } from "node:path";

/** Where a slot keeps its segments, its checkpoint and its lock. */
export function slotDirectory(config: { readonly dir: string }, slot: string): string {
  return join(config.dir, slot);
}
