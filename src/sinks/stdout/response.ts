const WORDS: Readonly<Record<string, string>> = {
  EIO: "the terminal is gone",
  ENOSPC: "no space left on the disk it is sent to",
  EPIPE: "nobody reads it any more",
  ERR_STREAM_DESTROYED: "it was closed",
};

/** Why standard output did not take a batch. */
export function reasonOf(error: Error): string {
  const code = "code" in error ? String(error.code) : error.name;
  return `${code}: ${WORDS[code] ?? "standard output failed"}`;
}
