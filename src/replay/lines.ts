const LINE_FEED = 0x0a;

/** A longer line is no event: what is kept has at most some MiB. */
const MAX_LINE_BYTES = 256 * 1024 * 1024;

export interface Line {
  /** From 1. */
  readonly number: number;
  /** Where it begins, in bytes from the start of the (inflated) stream. */
  readonly offset: number;
  /** Without its end. */
  readonly bytes: Buffer;
  /** False for a last line without an end, as a crash or a writer in its midst leaves it. */
  readonly isWhole: boolean;
}

/**
 * The lines of a stream, as many at a time as a chunk completes. Holds a chunk and a line that is not
 * complete, however long the stream. A line of more than 256 MiB is given as an empty one.
 */
export async function* linesOf(chunks: AsyncIterable<Buffer>): AsyncGenerator<readonly Line[]> {
  let number = 1;
  let offset = 0;
  let started: Buffer[] = [];
  let startedBytes = 0;
  const complete = (end: Buffer, isWhole: boolean): Line => {
    const bytes = startedBytes + end.length;
    const whole =
      bytes > MAX_LINE_BYTES ? Buffer.alloc(0) : started.length === 0 ? end : Buffer.concat([...started, end]);
    const line = { number: number++, offset, bytes: whole, isWhole };
    offset += bytes + 1;
    started = [];
    startedBytes = 0;
    return line;
  };
  for await (const chunk of chunks) {
    const lines: Line[] = [];
    let at = 0;
    for (let end = chunk.indexOf(LINE_FEED); end !== -1; end = chunk.indexOf(LINE_FEED, at)) {
      lines.push(complete(chunk.subarray(at, end), true));
      at = end + 1;
    }
    if (at < chunk.length) {
      startedBytes += chunk.length - at;
      if (startedBytes > MAX_LINE_BYTES) started = [];
      else started.push(chunk.subarray(at));
    }
    if (lines.length > 0) yield lines;
  }
  if (startedBytes > 0) yield [complete(Buffer.alloc(0), false)];
}
