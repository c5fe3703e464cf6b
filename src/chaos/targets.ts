import { once } from "node:events";
import { mkdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { collectorConfig, type ConfigParts, JOURNAL_DISK_BYTES, KEY } from "./collector-config.ts";
import { ConfigFile } from "./config-file.ts";
import { CollectorUnderTest } from "./collector-under-test.ts";
import { Injection } from "./injection.ts";
import { type JournalDisk, openJournalDisk } from "./journal-disk.ts";
import type { Oracle } from "./oracle.ts";
import { Stream } from "./stream.ts";

/** The second stream takes this long for each call, so that a collector that does not wait for it is always too early. */
const SECOND_LATENCY_MS = { min: 20, max: 80 };

/** What faults act upon. Closing it ends all processes, at once. */
export interface Targets extends AsyncDisposable {
  readonly collector: CollectorUnderTest;
  readonly stream: Stream;
  readonly injection: Injection;
  readonly journalDisk: JournalDisk;
  readonly configFile: ConfigFile;
  readonly oracle: Oracle;
  /** Where the file sink writes. */
  readonly filesDir: string;
  /** Write key of the source. */
  readonly key: string;
  /** How long the collector waits for the sinks before it answers `ack=delivered`. */
  readonly ackTimeoutMs: number;
}

export interface TargetOptions {
  /** An empty directory for all that is made. */
  readonly dir: string;
  /** The program that is the collector: `node PROGRAM start …`. */
  readonly program: string;
  readonly workers: number;
  /** Events a second that will be sent: sizes go by it. */
  readonly rate: number;
  readonly seed: number;
  readonly configParts: ConfigParts;
  readonly oracle: Oracle;
  /** The stream has stored an event that the oracle knows. */
  readonly onStored: (seq: number, atMs: number) => void;
}

/** Starts two streams, and a collector that delivers to them. Rejects when that cannot be. */
export async function openTargets(options: TargetOptions): Promise<Targets> {
  const { dir, program, workers, rate, seed, oracle } = options;
  await using opened = new AsyncDisposableStack();
  const stream = opened.use(
    await Stream.start(seed, (events) => {
      for (const { sighting, atMs, told } of events) {
        const seq = oracle.stored(oracle.stream, sighting, atMs, told);
        if (seq !== undefined) options.onStored(seq, atMs);
      }
    }),
  );
  const second = opened.use(
    await Stream.start(seed, (events) => {
      for (const { sighting, atMs, told } of events) oracle.stored(oracle.second, sighting, atMs, told);
    }),
  );
  await second.setFaults({ latencyMs: SECOND_LATENCY_MS });
  const data = join(dir, "data");
  await mkdir(data, { recursive: true });
  const journalDisk = opened.use(await openJournalDisk(join(data, "journal-disk"), JOURNAL_DISK_BYTES));
  const injection = await Injection.create(dir, data);
  const port = await freePort();
  const adminPort = await freePort();
  const filesDir = join(data, "files");
  const config = collectorConfig({
    port,
    adminPort,
    workers,
    rate,
    streamUrl: stream.url,
    secondUrl: second.url,
    dir: data,
    journalDir: join(journalDisk.dir, "journal"),
    filesDir,
    parts: options.configParts,
  });
  const file = join(dir, "millrace.json");
  const settings = new ConfigFile(file, config);
  await settings.restore();
  const collector = opened.use(
    await CollectorUnderTest.start({
      command: [program, "start", "--config", file],
      dir,
      environment: { ...injection.environment, AWS_ACCESS_KEY_ID: "chaos", AWS_SECRET_ACCESS_KEY: "chaos" },
      port,
      adminPort,
      logFile: join(dir, "collector.log"),
      onMisbehaved: (what) => oracle.violation("misbehaved", what),
    }),
  );
  const closing = opened.move();
  return {
    collector,
    stream,
    injection,
    journalDisk,
    configFile: settings,
    oracle,
    filesDir,
    key: KEY,
    ackTimeoutMs: config.http.ackTimeoutMs,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

/** A port of the loopback address that nobody listens on, which the collector can have again after each restart. */
async function freePort(): Promise<number> {
  const server = createServer();
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  if (address === null || typeof address === "string") throw new Error("a TCP server has a port");
  return address.port;
}
