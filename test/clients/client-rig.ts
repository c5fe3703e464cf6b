import { mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { CollectorProcess, temporaryDir } from "../kit/collector-process.ts";
import { waitFor } from "../kit/wait-for.ts";

export interface ArrivedEvent {
  readonly id: string;
  readonly type: string;
  readonly time: string;
  readonly source: string;
  readonly data?: unknown;
  readonly [attribute: string]: unknown;
}

/** A collector for a client to send to: a real process, whose events go to files. */
export interface ClientRig extends AsyncDisposable {
  readonly collector: CollectorProcess;
  /** `http://127.0.0.1:PORT`, or with https. */
  readonly origin: string;
  /** What has arrived in the files, in order, once there are at least so many. */
  arrived(atLeast: number): Promise<readonly ArrivedEvent[]>;
}

/**
 * @param options.source further keys of the source `app`, whose write key is `wk_app`, as YAML in one line
 * @param options.tls the files of a certificate, for HTTPS
 * @param options.schemas JSON Schemas by event type
 */
export async function startClientRig(
  options: {
    readonly source?: string;
    /** Whose pages may send to the source. Default: all, without credentials. */
    readonly origins?: readonly string[];
    readonly schemas?: Readonly<Record<string, unknown>>;
    readonly port?: number;
    readonly tls?: { readonly cert: string; readonly key: string };
  } = {},
): Promise<ClientRig> {
  await using opened = new AsyncDisposableStack();
  const dir = opened.use(await temporaryDir());
  const schemas = path.join(dir.path, "schemas");
  await mkdir(schemas);
  for (const [type, schema] of Object.entries(options.schemas ?? {})) {
    await writeFile(path.join(schemas, `${type}.json`), JSON.stringify(schema));
  }
  const further = options.source === undefined ? "" : `, ${options.source}`;
  const { tls } = options;
  const address = `host: 127.0.0.1, port: ${options.port ?? 0}`;
  const listen = tls === undefined ? "" : `listen: { ${address}, tls: { cert: ${tls.cert}, key: ${tls.key} } }\n`;
  const collector = opened.use(
    await CollectorProcess.start(
      dir.path,
      `${listen}workers: 1
journal: { dir: ./journal }
schemas: { dir: ./schemas }
sources:
  - { name: app, keys: [wk_app], origins: ${JSON.stringify(options.origins ?? ["*"])}, clientIp: none${further} }
sinks:
  - { name: files, type: file, dir: ./events, batch: { maxAgeMs: 20 } }
`,
      {},
      options.port,
    ),
  );
  const events = path.join(dir.path, "events");
  const closing = opened.move();
  return {
    collector,
    origin: `${tls === undefined ? "http" : "https"}://127.0.0.1:${collector.port}`,
    async arrived(atLeast) {
      let all: ArrivedEvent[] = [];
      await waitFor(async () => {
        all = await readEvents(events);
        return all.length >= atLeast;
      });
      return all;
    },
    async [Symbol.asyncDispose]() {
      await closing.disposeAsync();
    },
  };
}

/** Of all files, finished or not, in the order of positions. */
async function readEvents(dir: string): Promise<ArrivedEvent[]> {
  const names = await readdir(dir, { recursive: true }).catch(() => []);
  const events: ArrivedEvent[] = [];
  for (const name of names.filter((each) => each.includes(".ndjson"))) {
    const text = await readFile(path.join(dir, name), "utf8").catch(() => "");
    // The last line may be half written.
    for (const line of text.split("\n").slice(0, -1)) events.push(JSON.parse(line) as ArrivedEvent);
  }
  return events.toSorted((a, b) => positionOf(a) - positionOf(b));
}

function positionOf({ collector }: ArrivedEvent): number {
  return Number(String(collector).split("-").at(-1));
}
