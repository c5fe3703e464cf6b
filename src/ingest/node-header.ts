import { hash } from "node:crypto";

/** Tells which collector has answered about receipts: `0-977` is a receipt of every node that has come so far. */
export const NODE_HEADER = "Millrace-Node";

/** The same for all workers and starts of a node. A digest, since the name may be that of a host. */
export function nodeTag(node: string): string {
  return hash("sha256", node).slice(0, 16);
}
