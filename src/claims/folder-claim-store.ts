import { randomUUID } from "node:crypto";
import { access, constants, mkdir, open, rename, rm } from "node:fs/promises";
import path from "node:path";
import { pathToFileURL } from "node:url";
import type { Logger } from "pino";
import type { Claim, ClaimStore } from "../core/claim-store.ts";
import type { Clock } from "../core/clock.ts";
import { claimName } from "./claim-name.ts";
import { ClaimRetention } from "./claim-retention.ts";

export interface FolderClaimStoreOptions {
  /** Absolute. */
  readonly dir: string;
  /** `undefined`: claims are kept for ever. */
  readonly maxAgeMs: number | undefined;
  readonly clock: Clock;
  readonly log: Logger;
}

/** Claims as files, each synced before its name can be seen. */
export class FolderClaimStore implements ClaimStore {
  readonly #dir: string;
  readonly #retention: ClaimRetention;

  constructor({ dir, maxAgeMs, clock, log }: FolderClaimStoreOptions) {
    this.#dir = dir;
    this.#retention = new ClaimRetention({ dir, maxAgeMs, clock, log });
  }

  addressOf(claim: Claim): string {
    return pathToFileURL(this.#pathOf(claim)).href;
  }

  async put(claim: Claim, signal: AbortSignal): Promise<void> {
    const file = this.#pathOf(claim);
    const folder = path.dirname(file);
    await createFolder(folder);
    signal.throwIfAborted();
    const partial = path.join(folder, `.partial-${randomUUID()}`);
    try {
      await writeSynced(partial, claim.bytes);
      signal.throwIfAborted();
      await rename(partial, file);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
    await syncFolder(folder);
  }

  async check(): Promise<readonly string[]> {
    try {
      await mkdir(this.#dir, { recursive: true });
      await access(this.#dir, constants.W_OK);
      return [];
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      return [`the directory of the claim check cannot be written to: ${reason}. Correct oversize.dir, or its owner`];
    }
  }

  async close(): Promise<void> {
    await this.#retention.close();
  }

  #pathOf(claim: Claim): string {
    return path.join(this.#dir, claimName(claim));
  }
}

/** Makes a folder and those above it, so that they survive a loss of power. */
async function createFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true });
  if (first === undefined) return;
  for (let made = folder; made.length >= first.length; made = path.dirname(made)) await syncFolder(path.dirname(made));
}

async function writeSynced(file: string, bytes: Buffer): Promise<void> {
  await using handle = await open(file, "wx", 0o640);
  await handle.writeFile(bytes);
  await handle.sync();
}

/** Puts the names in a folder on the disk. Windows cannot open a folder; NTFS logs its names by itself. */
async function syncFolder(folder: string): Promise<void> {
  if (process.platform === "win32") return;
  await using handle = await open(folder, "r");
  await handle.sync();
}
