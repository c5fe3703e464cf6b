import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Logger } from "pino";
import { z } from "zod";
import { MillraceError } from "../core/errors.ts";
import type { Checkpoint } from "../core/ledger.ts";
import { type Disk, type DiskWriter, errorCode, isNoRoom, nodeDisk, readText, writeAndSync } from "./disk.ts";
import type { DiskReserve } from "./disk-reserve.ts";
import { setAsideOrRename } from "./set-aside.ts";
import { slotDirectory } from "./slot-directory.ts";

export const CHECKPOINT_NAME = "checkpoint.json";
const FRESH_NAME = "checkpoint.new.json";
const PREVIOUS_NAME = "checkpoint.previous.json";

/** From the newest on. A crash between the two renames of a save leaves the newest under its first name. */
export const CHECKPOINT_NAMES: readonly string[] = [CHECKPOINT_NAME, FRESH_NAME, PREVIOUS_NAME];

const VERSION = 1;

/** A disk that failed once need not fail again. */
const READ_ATTEMPTS = 3;

const count = z.int().min(0);
const counts = z.record(z.string(), count);
const countsByReason = z.record(z.string(), counts);

const checkpointSchema = z.strictObject({
  version: z.literal(VERSION),
  countedTo: count,
  accepted: counts,
  quarantined: counts,
  filtered: countsByReason.optional(),
  clientDropped: countsByReason.optional(),
  sinks: z.record(
    z.string(),
    z.strictObject({
      cursor: count,
      // Below zero while events that turned out to be lost are not written off yet.
      missing: z.int(),
      tallies: z.record(
        z.string(),
        z.strictObject({ accepted: count, delivered: count, deadLettered: count, dropped: counts }),
      ),
    }),
  ),
});

/** What every version of the file has. */
const fileSchema = z.object({ crc32: count, checkpoint: z.object({ version: count }) });

/**
 * The checkpoint of a slot on disk: `checkpoint.json`, replaced atomically, and the
 * generation before it, for the day the newest turns out damaged.
 */
export class CheckpointFile {
  readonly #disk: Disk;
  readonly #directory: string;
  readonly #current: string;
  readonly #fresh: string;
  readonly #previous: string;
  readonly #log: Logger;
  readonly #reserve: DiskReserve | undefined;
  #waiting: { checkpoint: Checkpoint; saved: Promise<void> } | undefined;
  #saving: Promise<void> = Promise.resolve();
  #hasCurrent = false;

  /** @param options.reserve room to save with when the disk is full */
  constructor(options: {
    config: { readonly dir: string };
    slot: string;
    log: Logger;
    reserve?: DiskReserve;
    disk?: Disk;
  }) {
    this.#disk = options.disk ?? nodeDisk;
    this.#log = options.log;
    this.#reserve = options.reserve;
    this.#directory = slotDirectory(options.config, options.slot);
    this.#current = join(this.#directory, CHECKPOINT_NAME);
    this.#fresh = join(this.#directory, FRESH_NAME);
    this.#previous = join(this.#directory, PREVIOUS_NAME);
  }

  /**
   * The newest sound checkpoint; `undefined` on a first start, or when none can be used. One
   * that is damaged or of another version is moved to `damaged/`. Rejects with
   * `journal_unusable` when the directory cannot be read or written.
   */
  async load(): Promise<Checkpoint | undefined> {
    try {
      return await this.#load();
    } catch (error) {
      const problem = error instanceof Error ? error.message : String(error);
      throw new MillraceError(
        "journal_unusable",
        `the checkpoint in ${this.#directory} cannot be read: ${problem}. Make the directory readable and writable, or set journal.dir.`,
        { cause: error },
      );
    }
  }

  async #load(): Promise<Checkpoint | undefined> {
    const unusable: { readonly path: string; readonly as: Unusable }[] = [];
    let sound: Checkpoint | undefined;
    let isFresh = false;
    for await (const { name, found } of checkpointsIn(this.#disk, this.#directory)) {
      if (typeof found === "object") {
        sound = found;
        this.#hasCurrent = name === CHECKPOINT_NAME;
        isFresh = name === FRESH_NAME;
        break;
      }
      unusable.push({ path: join(this.#directory, name), as: found });
    }
    // A disk that reads nothing may be back soon. One that reads others has lost this file.
    if (sound === undefined && unusable.some(({ as }) => as === "unreadable"))
      throw new Error("the disk cannot read it");
    for (const { path, as } of unusable) await this.#setAside(path, as);
    if (isFresh) {
      // Ends the save that a crash interrupted: the next one would begin by emptying this file.
      await this.#disk.rename(this.#fresh, this.#current);
      this.#hasCurrent = true;
    }
    return sound;
  }

  /**
   * Saves the checkpoint; resolves when it would survive a power cut. One save runs at a
   * time; of those that wait for it only the latest is written, for all of them. Rejects
   * with the disk's error; the earlier checkpoint then stays.
   */
  save(checkpoint: Checkpoint): Promise<void> {
    if (this.#waiting !== undefined) {
      this.#waiting.checkpoint = checkpoint;
      return this.#waiting.saved;
    }
    const saved = this.#saving.then(() => {
      const latest = this.#waiting?.checkpoint ?? checkpoint;
      this.#waiting = undefined;
      return this.#write(latest);
    });
    this.#waiting = { checkpoint, saved };
    this.#saving = saved.catch(() => {});
    return saved;
  }

  async #write(checkpoint: Checkpoint): Promise<void> {
    const body = JSON.stringify(checkpoint);
    const bytes = Buffer.from(`{"crc32":${crc32(body)},"checkpoint":${body}}\n`);
    await writeAndSync(await this.#create(), bytes, this.#reserve);
    if (this.#hasCurrent) await this.#retireCurrent();
    this.#hasCurrent = false;
    await this.#disk.rename(this.#fresh, this.#current);
    this.#hasCurrent = true;
    // The oldest generation is gone, and with it as much room as was lent for this one.
    this.#reserve?.hold();
    await this.#disk.syncDirectory(this.#directory);
  }

  async #create(): Promise<DiskWriter> {
    try {
      return this.#disk.createSync(this.#fresh);
    } catch (error) {
      if (!isNoRoom(error)) throw error;
      // There is no inode left: that of the oldest generation will do, or that of the reserve.
      if (this.#hasCurrent && (await this.#discardPrevious())) return this.#disk.createSync(this.#fresh);
      if (this.#reserve?.isHeld !== true) throw error;
      return this.#reserve.lendFile(() => this.#disk.createSync(this.#fresh));
    }
  }

  async #discardPrevious(): Promise<boolean> {
    try {
      await this.#disk.unlink(this.#previous);
      return true;
    } catch (error) {
      if (errorCode(error) === "ENOENT") return false;
      throw error;
    }
  }

  async #retireCurrent(): Promise<void> {
    try {
      await this.#disk.rename(this.#current, this.#previous);
    } catch (error) {
      // Deleted from outside: there is nothing to keep.
      if (errorCode(error) !== "ENOENT") throw error;
    }
  }

  /** Never rejects: what stays where it is does no harm there, and the next saves replace it. */
  async #setAside(path: string, as: Unusable): Promise<void> {
    let file: string;
    try {
      file = await setAsideOrRename(this.#disk, this.#directory, path);
    } catch (error) {
      this.#log.error(
        { err: error, file: path },
        `a checkpoint is ${as} and could not be moved away; it is ignored, and replaced when the next ones are saved`,
      );
      return;
    }
    if (as === "newer")
      this.#log.error(
        { file },
        "a checkpoint is of a newer version of Millrace and was moved away; what this version does not know of is delivered again",
      );
    else this.#log.warn({ file }, `a checkpoint is ${as} and was moved away; using an older one if there is one`);
  }
}

/** `newer`: sound, but of a version that this one does not know. `unreadable`: the disk gives no bytes. */
export type Unusable = "newer" | "damaged" | "unreadable";

/**
 * The checkpoints of a slot, from the newest on, whoever may have it open. Nothing is changed by
 * looking. While one is saved the newest may be passed over: look for the first that is sound.
 */
export async function* checkpointsIn(
  disk: Disk,
  directory: string,
): AsyncGenerator<{ readonly name: string; readonly found: Checkpoint | Unusable }> {
  for (const name of CHECKPOINT_NAMES) {
    const found = await readCheckpoint(disk, join(directory, name));
    if (found !== undefined) yield { name, found };
  }
}

async function readCheckpoint(disk: Disk, path: string): Promise<Checkpoint | Unusable | undefined> {
  for (let attempt = 1; ; attempt++) {
    try {
      return parse(await readText(disk, path));
    } catch (error) {
      const code = errorCode(error);
      if (code === "ENOENT") return undefined;
      if (code === "EIO" && attempt < READ_ATTEMPTS) continue;
      if (code === "EIO") return "unreadable";
      if (code === "EISDIR") return "damaged";
      throw error;
    }
  }
}

function parse(text: string): Checkpoint | "newer" | "damaged" {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return "damaged";
  }
  const file = fileSchema.safeParse(json);
  if (!file.success) return "damaged";
  // The text after the checksum is hashed as it stands: a printer may order keys differently.
  const body = text.slice(text.indexOf(BODY_KEY) + BODY_KEY.length, text.lastIndexOf("}"));
  if (crc32(body) !== file.data.crc32) return "damaged";
  if (file.data.checkpoint.version > VERSION) return "newer";
  const checkpoint = checkpointSchema.safeParse(JSON.parse(body));
  if (!checkpoint.success) return "damaged";
  const { sinks, countedTo } = checkpoint.data;
  return Object.values(sinks).every((sink) => sink.cursor <= countedTo) ? checkpoint.data : "damaged";
}

const BODY_KEY = `"checkpoint":`;
