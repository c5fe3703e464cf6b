import { once } from "node:events";
import { connect, type Socket } from "node:net";
import pino from "pino";
import { Registry } from "prom-client";
import { systemClock } from "../core/clock.ts";
import type { Deliveries, SinkStatus, SlotStatus } from "../core/deliveries.ts";
import { MillraceError } from "../core/errors.ts";
import type { CollectedEvent, EventDraft } from "../core/event.ts";
import type { AppendLevel, Durability, Journal, JournalReader } from "../core/journal.ts";
import type { RejectedEvent, RejectLog } from "../core/reject-log.ts";
import type { EventValidator, Verdict } from "../core/validation.ts";
import { Enrichers } from "./enrichment/enrichers.ts";
import { httpConfig, type HttpConfig, sourceConfig, type TlsConfig } from "./config.ts";
import { BrowserSdk } from "./browser-sdk.ts";
import { IngestServer } from "./ingest-server.ts";
import { createIngestMetrics } from "./metrics.ts";
import { openapiDocument } from "./openapi.ts";
import { SourceTable } from "./sources.ts";

/** A journal that keeps its drafts for a test to look at, and fails on request. */
export class TestJournal implements Journal {
  durability: Durability = "os";
  readonly slot = "0";
  readonly first = 0;
  readonly heldBytes = 0;
  maxBytes = Number.MAX_SAFE_INTEGER;
  readonly drafts: EventDraft[] = [];
  readonly levels: AppendLevel[] = [];
  full = false;
  failure: "journal_full" | "journal_write_failed" | "broken" | undefined;
  /** Set: appends wait for it. */
  gate: Promise<void> | undefined;

  get end(): number {
    return this.drafts.length;
  }
  get nextPosition(): number {
    return this.drafts.length;
  }
  isFull(): boolean {
    return this.full;
  }
  bytesFrom(): number {
    return 0;
  }
  async append(drafts: readonly EventDraft[], level: AppendLevel): Promise<number> {
    if (this.failure === "broken") throw new TypeError("a bug");
    if (this.failure !== undefined) throw new MillraceError(this.failure, "on request");
    const first = this.drafts.length;
    this.drafts.push(...drafts);
    this.levels.push(level);
    await this.gate;
    return first;
  }
  /** The events as sinks would get them. */
  events(): Record<string, unknown>[] {
    return this.drafts.map(({ head, body, tail, closing }) =>
      JSON.parse(Buffer.concat([head, body, tail, Buffer.from(closing)]).toString()),
    );
  }
  onAppend(_listener: (events: readonly CollectedEvent[]) => void): void {
    throw new Error("not used by ingest");
  }
  reader(): JournalReader {
    throw new Error("not used by ingest");
  }
  forget(): void {
    throw new Error("not used by ingest");
  }
  release(): void {
    throw new Error("not used by ingest");
  }
  async close(): Promise<void> {}
}

export class TestRejectLog implements RejectLog {
  readonly entries: RejectedEvent[] = [];
  failing = false;

  async append(entries: readonly RejectedEvent[]): Promise<void> {
    if (this.failing) throw new MillraceError("journal_write_failed", "on request");
    // The bytes are a view into a request that is about to end.
    for (const entry of entries) this.entries.push({ ...entry, event: Buffer.from(entry.event) });
  }
  async close(): Promise<void> {}
}

export class TestDeliveries implements Deliveries {
  outcome: "delivered" | "undelivered" | "timeout" = "delivered";
  statuses: readonly SinkStatus[] | undefined = [{ sink: "stream", required: true, state: "delivered" }];

  async whenSettled(): Promise<"delivered" | "undelivered" | "timeout"> {
    return this.outcome;
  }
  statusOf(): readonly SinkStatus[] | undefined {
    return this.statuses;
  }
  async statusIn(): Promise<SlotStatus> {
    return { kind: "no_slot" };
  }
}

/** Knows `checkout.paid`, whose data must have a number `total`. */
export const testValidator: EventValidator = {
  validate(type, _dataschema, data): Verdict {
    if (type !== "checkout.paid") {
      const message = "There is no schema for this type.";
      return { kind: "unknown_type", problems: [{ code: "unknown_type", pointer: "/type", message }] };
    }
    const { total } = (data ?? {}) as { total?: unknown };
    if (typeof total === "number") return { kind: "valid" };
    const schema = "/v1/schemas/checkout.paid";
    const problem = { code: "type", pointer: "/data/total", message: '"total" must be a number.', schema };
    return { kind: "invalid", problems: [problem] };
  },
};

const SCHEMA = '{"type":"object","required":["total"]}';

export interface TestServer extends AsyncDisposable {
  readonly server: IngestServer;
  readonly url: string;
  readonly port: number;
  readonly journal: TestJournal;
  readonly quarantine: TestRejectLog;
  readonly deliveries: TestDeliveries;
  readonly quarantined: Map<string, number>;
  /** What the ledger was told, as `<source> <reason>`. */
  readonly filtered: Map<string, number>;
  readonly clientDropped: Map<string, number>;
  readonly registry: Registry;
  sources: SourceTable;
  /** Sends bytes as they are and collects the answer until the connection ends, or for at most `waitMs`. */
  raw(bytes: string | Buffer, options?: { end?: boolean; waitMs?: number }): Promise<string>;
  socket(): Promise<Socket>;
}

/** A real server on a free port. Sources: `web` (key `wk_web`), and those given. */
export async function startTestServer(
  options: {
    port?: number;
    reusePort?: boolean;
    tls?: TlsConfig;
    http?: Partial<HttpConfig>;
    web?: Record<string, unknown>;
    sources?: Record<string, unknown>[];
  } = {},
): Promise<TestServer> {
  const http = httpConfig.parse({ idleTimeoutMs: 5_000, ...options.http });
  const configs = [{ name: "web", keys: ["wk_web"], ...options.web }, ...(options.sources ?? [])];
  const journal = new TestJournal();
  const quarantine = new TestRejectLog();
  const deliveries = new TestDeliveries();
  const quarantined = new Map<string, number>();
  const filtered = new Map<string, number>();
  const clientDropped = new Map<string, number>();
  const registry = new Registry();
  const log = pino({ level: "silent" });
  const sources = configs.map((config) => sourceConfig.parse(config));
  const enrichers = await Enrichers.open(sources, { clock: systemClock, log });
  const live = { sources: SourceTable.create(sources, systemClock, enrichers) };
  const server = new IngestServer({
    listen: { host: "127.0.0.1", port: options.port ?? 0, backlog: 128, tls: options.tls },
    reusePort: options.reusePort ?? false,
    http,
    node: "node-1",
    journal,
    sources: () => live.sources,
    validator: () => testValidator,
    schemas: () => ({
      types: () => ["checkout.paid"],
      versions: () => ["1"],
      source: (type, version) => (type === "checkout.paid" && (version ?? "1") === "1" ? SCHEMA : undefined),
    }),
    quarantine,
    deliveries,
    onQuarantined: (source, events) => addTo(quarantined, source, events),
    onFiltered: (source, reason, events) => addTo(filtered, `${source} ${reason}`, events),
    onClientDropped: (source, reason, events) => addTo(clientDropped, `${source} ${reason}`, events),
    metrics: createIngestMetrics(registry),
    log,
    clock: systemClock,
    openapi: JSON.stringify(openapiDocument("0.0.0", http)),
    sdk: async () => new BrowserSdk(Buffer.from("var millrace={};")),
    health: () => ({ live: true, ready: false, reasons: ["draining"] }),
  });
  await server.listen();
  const { port } = server;
  const sockets = new Set<Socket>();
  const open = async (): Promise<Socket> => {
    const socket = connect(port, "127.0.0.1");
    sockets.add(socket);
    socket.on("error", () => {});
    await once(socket, "connect");
    return socket;
  };
  return {
    server,
    port,
    url: `${options.tls === undefined ? "http" : "https"}://127.0.0.1:${port}`,
    journal,
    quarantine,
    deliveries,
    quarantined,
    filtered,
    clientDropped,
    registry,
    get sources() {
      return live.sources;
    },
    set sources(table) {
      live.sources = table;
    },
    socket: open,
    async raw(bytes, { end = false, waitMs = 2_000 } = {}) {
      const socket = await open();
      let answer = "";
      socket.on("data", (chunk) => (answer += chunk.toString("latin1")));
      if (end) socket.end(bytes);
      else socket.write(bytes);
      const timer = setTimeout(() => socket.destroy(), waitMs);
      // A reset is an end too, and `once` would throw it.
      await new Promise((resolve) => socket.once("close", resolve));
      clearTimeout(timer);
      return answer;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      await server.close(0);
      enrichers.stop();
    },
  };
}

function addTo(counts: Map<string, number>, name: string, events: number): void {
  counts.set(name, (counts.get(name) ?? 0) + events);
}

/** A POST as raw bytes, whose connection ends with the answer. */
export function rawPost(body: string, headers: readonly string[] = [], path = "/v1/events"): string {
  const lines = [
    "Host: collector",
    "Authorization: Bearer wk_web",
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...headers,
  ];
  return `POST ${path} HTTP/1.1\r\n${lines.join("\r\n")}\r\nConnection: close\r\n\r\n${body}`;
}
