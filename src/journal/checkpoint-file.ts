import { join } from "node:path";
import { crc32 } from "node:zlib";
import type { Logger } from "pino";
import { z } from "zod";
import type { Checkpoint } from "../core/ledger.ts";
import { type Disk, errorCode, nodeDisk, writeFullySync } from "./disk.ts";
import type { DiskReserve } from "./disk-reserve.ts";
import { slotDirectory } from "./slot-directory.ts";

const count = z.int().min(0);
const counts = z.record(z.string(), count);

const checkpointSchema = z.strictObject({
  version: z.literal(1),
  countedTo: count,
  accepted: counts,
  quarantined: counts,
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

const fileSchema = z.strictObject({ crc32: count, checkpoint: checkpointSchema });

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
    this.#current = join(this.#directory, "checkpoint.json");
    this.#fresh = join(this.#directory, "checkpoint.new.json");
    this.#previous = join(this.#directory, "checkpoint.previous.json");
  }

  /** The newest sound checkpoint; `undefined` on a first start, or when none can be used. */
  async load(): Promise<Checkpoint | undefined> {
    const current = await this.#read(this.#current);
    if (current !== undefined) {
      this.#hasCurrent = true;
      return current;
    }
    // A crash between the two renames of a save leaves the newest under its first name.
    return (await this.#read(this.#fresh)) ?? (await this.#read(this.#previous));
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
    const file = this.#disk.createSync(this.#fresh);
    try {
      const write = (): void => writeFullySync(file, bytes, 0);
      if (this.#reserve === undefined) write();
      else this.#reserve.lend(write);
      await file.datasync();
    } finally {
      await file.close();
    }
    if (this.#hasCurrent) await this.#disk.rename(this.#current, this.#previous);
    this.#hasCurrent = false;
    await this.#disk.rename(this.#fresh, this.#current);
    this.#hasCurrent = true;
    // The oldest generation is gone, and with it as much room as was lent for this one.
    this.#reserve?.hold();
    await this.#disk.syncDirectory(this.#directory);
  }

  async #read(path: string): Promise<Checkpoint | undefined> {
    let text: string;
    try {
      text = await readText(this.#disk, path);
    } catch (error) {
      if (errorCode(error) === "ENOENT") return undefined;
      throw error;
    }
    const checkpoint = parse(text);
    if (checkpoint === undefined) {
      const aside = `${path}.damaged`;
      await this.#disk.rename(path, aside);
      this.#log.warn(
        { file: aside },
        "a checkpoint is damaged and was moved aside; using an older one if there is one",
      );
    }
    return checkpoint;
  }
}

function parse(text: string): Checkpoint | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  const file = fileSchema.safeParse(json);
  if (!file.success) return undefined;
  const { checkpoint } = file.data;
  const sound = Object.values(checkpoint.sinks).every((sink) => sink.cursor <= checkpoint.countedTo);
  // The text after the checksum is hashed as it stands: a printer may order keys differently.
  const body = text.slice(text.indexOf(BODY_KEY) + BODY_KEY.length, text.lastIndexOf("}"));
  return sound && crc32(body) === file.data.crc32 ? checkpoint : undefined;
}

const BODY_KEY = `"checkpoint":`;

async function readText(disk: Disk, path: string): Promise<string> {
  const { bytes } = await disk.stat(path);
  const file = await disk.open(path);
  try {
    const buffer = Buffer.alloc(bytes);
    return buffer.toString("utf8", 0, await file.read(buffer, 0));
  } finally {
    await file.close();
  }
}
