export const SOURCE = "web";
export const KEY = "wk_chaos";
/** Several faults are longer or shorter than this on purpose. */
export const HANG_MS = 3_000;

/** An outage of the stream that lasts longer than this fills the journal. */
const JOURNAL_SECONDS = 10;
const BYTES_OF_EVENT = 1_000;
const MIB = 1024 ** 2;
/** For the journals of all workers, with room for what is beside them. */
export const JOURNAL_DISK_BYTES = 64 * MIB;

/** Parts of a configuration that a storm can take over, as the configuration file has them. */
export interface ConfigParts {
  readonly http?: { readonly ackTimeoutMs: number };
  readonly journal?: { readonly maxBytes: number };
}

/**
 * The configuration of a collector under test: small in everything that takes long to fill,
 * quick in everything that is waited for, so that a storm of minutes gets everywhere.
 */
export function collectorConfig(options: {
  port: number;
  adminPort: number;
  workers: number;
  rate: number;
  streamUrl: string;
  secondUrl: string;
  /** For what is rejected. */
  dir: string;
  journalDir: string;
  filesDir: string;
  parts: ConfigParts;
}) {
  const { port, adminPort, workers, rate, streamUrl, secondUrl, dir, journalDir, filesDir, parts } = options;
  const held = Math.round((rate * BYTES_OF_EVENT * JOURNAL_SECONDS) / workers);
  const most = Math.floor((JOURNAL_DISK_BYTES * 0.75) / workers);
  const retry = { minDelayMs: 20, maxDelayMs: 1_000 };
  const stream = {
    type: "kinesis",
    stream: "chaos",
    region: "us-east-1",
    timeoutMs: 1_000,
    batch: { maxAgeMs: 100 },
    retry,
  };
  return {
    node: "chaos",
    listen: { host: "127.0.0.1", port },
    admin: { host: "127.0.0.1", port: adminPort },
    http: { ackTimeoutMs: 2_000, headersTimeoutMs: 5_000, requestTimeoutMs: 10_000, ...parts.http },
    workers,
    // One that was killed is restarted at once, however often that happens in a storm.
    supervisor: { maxRestarts: 1_000, withinMs: 1_000, hangMs: HANG_MS },
    journal: {
      tailBytes: MIB,
      segmentBytes: MIB,
      ...parts.journal,
      dir: journalDir,
      maxBytes: Math.min(most, Math.max(2 * MIB, held), parts.journal?.maxBytes ?? most),
    },
    quarantine: { dir: `${dir}/quarantine` },
    deadLetters: { dir: `${dir}/dead-letters` },
    sources: [{ name: SOURCE, keys: [KEY] }],
    sinks: [
      { ...stream, name: "stream", endpoint: streamUrl },
      { ...stream, name: "second", endpoint: secondUrl },
      {
        name: "files",
        type: "file",
        dir: filesDir,
        compression: "gzip",
        fileAgeMs: 5_000,
        timeoutMs: 5_000,
        batch: { maxAgeMs: 100 },
        retry,
      },
    ],
    shutdown: { drainMs: 10_000 },
  };
}

export type CollectorConfig = ReturnType<typeof collectorConfig>;
