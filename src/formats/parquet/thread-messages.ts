import type { ParquetOptions } from "./parquet-file.ts";

/** What the thread is started with. */
export type ThreadOptions = ParquetOptions;

/** A part of a batch. The events lie one after another in `bytes`, which the sender gives away. */
export interface BatchPart {
  readonly positions: Float64Array;
  readonly lengths: Uint32Array;
  readonly bytes: ArrayBuffer;
  /** With it the file is complete, and is answered. */
  readonly isLast: boolean;
}

/** The answer to a batch. */
export interface EncodedFile {
  readonly bytes: ArrayBuffer;
}
