import { endOfHourMs, type Hour } from "../../formats/hour-folders.ts";

export interface FinishedFile {
  readonly path: string;
  readonly hour: Hour;
  readonly bytes: number;
}

export type RetentionReason = "age" | "bytes";

/**
 * Decides which finished files must go: those whose hour is over for long enough, and the oldest
 * while all together are too large. It deletes nothing and reads no clock.
 */
export class Retention {
  /** 0: no limit. */
  readonly #maxAgeMs: number;
  readonly #maxBytes: number;
  #files: FinishedFile[] = [];
  #bytes = 0;

  constructor(limits: { maxAgeMs: number; maxBytes: number }) {
    this.#maxAgeMs = limits.maxAgeMs;
    this.#maxBytes = limits.maxBytes;
  }

  /** Without limits nothing ever goes, and no file need be added. */
  get isLimited(): boolean {
    return this.#maxAgeMs > 0 || this.#maxBytes > 0;
  }

  add(file: FinishedFile): void {
    if (!this.isLimited) return;
    this.#files.push(file);
    this.#bytes += file.bytes;
  }

  /** Takes out the files that must go, oldest first. One that cannot be deleted is to be added again. */
  takeDue(nowMs: number): { readonly file: FinishedFile; readonly reason: RetentionReason }[] {
    // Paths sort by hour, then by position.
    this.#files.sort((a, b) => (a.path < b.path ? -1 : 1));
    const due: { file: FinishedFile; reason: RetentionReason }[] = [];
    for (const file of this.#files) {
      const tooOld = this.#maxAgeMs > 0 && endOfHourMs(file.hour) + this.#maxAgeMs <= nowMs;
      const tooMuch = this.#maxBytes > 0 && this.#bytes > this.#maxBytes;
      if (!tooOld && !tooMuch) break;
      this.#bytes -= file.bytes;
      due.push({ file, reason: tooOld ? "age" : "bytes" });
    }
    this.#files = this.#files.slice(due.length);
    return due;
  }
}
