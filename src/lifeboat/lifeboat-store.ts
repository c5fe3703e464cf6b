import { MillraceError } from "../core/errors.ts";
import type { LifeboatConfig } from "./config.ts";
import type { Manifest } from "./manifest.ts";

/** A file to be put into a lifeboat. */
export interface Cargo {
  readonly name: string;
  readonly path: string;
  readonly bytes: number;
}

/** Where lifeboats are kept: a directory or a bucket. All methods reject with what the place answers. */
export interface LifeboatStore {
  /** The place in words. */
  readonly place: string;
  /** Stores a lifeboat. It is listed once all of it is there; one that was cut short never is. */
  put(boat: string, cargo: readonly Cargo[], manifest: Manifest, signal: AbortSignal): Promise<void>;
  /** Names of the complete lifeboats, sorted. */
  list(signal?: AbortSignal): Promise<string[]>;
  /** The text of the manifest. */
  manifest(boat: string, signal?: AbortSignal): Promise<string>;
  /** Copies one file of a lifeboat to a new file. */
  fetch(boat: string, file: string, to: string): Promise<void>;
  remove(boat: string, signal?: AbortSignal): Promise<void>;
}

/** The code of a store is loaded when it is used. */
export async function openLifeboatStore(config: LifeboatConfig): Promise<LifeboatStore> {
  if (config.s3 !== undefined) {
    const { S3Store } = await import("./s3-store.ts");
    return S3Store.open(config.s3);
  }
  if (config.dir === undefined) throw new MillraceError("config_invalid", "a lifeboat has a dir or an s3");
  const { FolderStore } = await import("./folder-store.ts");
  return new FolderStore(config.dir);
}
