import type { Batch, Fate, Receipt } from "../../core/sink.ts";
import { type Hour, hourOf } from "../../formats/hour-folders.ts";
import { EncoderThreadEnded } from "../../formats/parquet/parquet-encoder.ts";

const WORDS: Readonly<Record<string, string>> = {
  EACCES: "no permission",
  EDQUOT: "the disk quota is used up",
  EEXIST: "a file is in the place of a directory",
  EIO: "the disk failed",
  EMFILE: "the process has too many open files",
  ENFILE: "the system has too many open files",
  ENOENT: "the file or its directory was deleted or moved",
  ENOSPC: "no space left on the disk",
  ENOTDIR: "a file is in the place of a directory",
  EPERM: "no permission",
  EROFS: "the file system is read-only",
};

/**
 * What the file system, or the encoder, said, in words without a path: one reason stays one reason, however many
 * files there are. Anything else than a failure of the file system is a bug, and thrown again.
 */
export function reasonOf(error: unknown): string {
  if (error instanceof EncoderThreadEnded) return error.message;
  if (!(error instanceof Error) || !("syscall" in error) || !("code" in error)) throw error;
  const code = String(error.code);
  return `${code}: ${WORDS[code] ?? "the file system refused"}`;
}

/** The receipt of a batch of which the events of some hours could not be written. */
export function receiptOf(batch: Batch, failures: ReadonlyMap<Hour, string>): Receipt {
  if (failures.size === 0) return { kind: "delivered" };
  let anyDelivered = false;
  const fates: Fate[] = [];
  for (const event of batch) {
    const reason = failures.get(hourOf(event.receivedMs));
    anyDelivered ||= reason === undefined;
    fates.push(reason === undefined ? { kind: "delivered" } : { kind: "retryable", reason });
  }
  if (anyDelivered) return { kind: "partial", fates };
  return { kind: "retryable", reason: [...new Set(failures.values())].join("; ") };
}
