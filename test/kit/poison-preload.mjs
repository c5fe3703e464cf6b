/*
 * Preloaded into a collector's processes: a native crash, such as running out of memory while
 * one certain event is written to standard output. Nothing of ours can catch it.
 */
const write = process.stdout.write.bind(process.stdout);
process.stdout.write = (chunk, ...rest) => {
  if (String(chunk).includes("POISON")) process.abort();
  return write(chunk, ...rest);
};
