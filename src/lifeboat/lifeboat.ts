import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { pipeline } from "node:stream/promises";
import type { Cargo, LifeboatStore } from "./lifeboat-store.ts";
import { type Manifest, parseManifest } from "./manifest.ts";

/** What a slot holds that its sinks could not take. */
export interface Castaways {
  readonly node: string;
  readonly slot: string;
  /** Events not settled, by sink. */
  readonly held: Readonly<Record<string, number>>;
  /** The files of the slot that are needed to deliver them. */
  readonly files: readonly Cargo[];
}

/**
 * Copies what a slot holds to where another node can import it, for the day that this node
 * does not come back. Returns the lifeboat's name. Rejects when it could not be completed;
 * there is none then.
 */
export async function launch(
  store: LifeboatStore,
  { node, slot, held, files }: Castaways,
  nowMs: number,
  signal: AbortSignal,
): Promise<string> {
  const madeAt = new Date(nowMs).toISOString();
  const boat = `${namePrefix(node, slot)}${madeAt.replaceAll(/[-:]|\.\d+/g, "")}`;
  const hashed: Manifest["files"] = [];
  for (const { name, path, bytes } of files) hashed.push({ name, bytes, sha256: await sha256Of(path, signal) });
  await store.put(boat, files, { version: 1, node, slot, madeAt, held: { ...held }, files: hashed }, signal);
  return boat;
}

/**
 * Removes the lifeboats of a slot that came back with the journal they were filled from. One
 * of the same name whose journal is gone is left: it has to be imported. Returns the names of both. Rejects when `signal` aborts first.
 */
export async function withdraw(
  store: LifeboatStore,
  slot: { readonly node: string; readonly slot: string; readonly launched: readonly string[] },
  signal: AbortSignal,
): Promise<{ readonly withdrawn: string[]; readonly left: string[] }> {
  const withdrawn: string[] = [];
  const left: string[] = [];
  for (const boat of await store.list(signal)) {
    if (!boat.startsWith(namePrefix(slot.node, slot.slot))) continue;
    const manifest = parseManifest(await store.manifest(boat, signal), boat);
    if (manifest.node !== slot.node || manifest.slot !== slot.slot) continue;
    if (!slot.launched.includes(boat)) {
      left.push(boat);
      continue;
    }
    await store.remove(boat, signal);
    withdrawn.push(boat);
  }
  return { withdrawn, left };
}

function namePrefix(node: string, slot: string): string {
  return `${node}-${slot}-`;
}

/** In hexadecimal. */
export async function sha256Of(path: string, signal?: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  await pipeline(createReadStream(path), hash, { signal });
  return hash.digest("hex");
}
