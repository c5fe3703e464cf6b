import assert from "node:assert/strict";
import { once } from "node:events";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import { MillraceError } from "../core/errors.ts";
import type { LedgerSummary } from "../core/ledger-summary.ts";
import type { AdminConfig } from "./config.ts";

/** What the admin port shows: the whole node, over all its workers. Each function is asked at each request. */
export interface AdminView {
  /** Without asking the workers: a probe must not wait for one that hangs. */
  isLive(): Promise<boolean>;
  health(): Promise<{ readonly live: boolean; readonly ready: boolean; readonly reasons: readonly string[] }>;
  /** In the text format of Prometheus. */
  metrics(): Promise<string>;
  /** The events that a sink of type `memory` holds, as JSON, oldest first; `undefined` when there is no such sink. */
  events(sink: string): Promise<readonly string[] | undefined>;
  sinks(): Promise<readonly object[]>;
  workers(): Promise<readonly object[]>;
  ledger(): Promise<LedgerSummary>;
  /** What fires, and how rules and channels of sinks of type `notify` are doing. */
  alerts(): Promise<object>;
}

/** Far more than probes and scrapers need. Beyond it descriptors would be missing for the workers that are to be started. */
const MAX_CONNECTIONS = 64;

/** The text format of Prometheus. */
const METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8";

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts the admin port. Throws `port_unavailable`. */
export async function startAdminServer(config: AdminConfig, view: AdminView): Promise<AdminServer> {
  const app = new Hono();
  app.get("/livez", async (context) => {
    const live = await view.isLive();
    return context.json({ live }, live ? 200 : 503);
  });
  app.get("/readyz", async (context) => {
    const { ready, reasons } = await view.health();
    return context.json({ ready, reasons }, ready ? 200 : 503);
  });
  app.get("/metrics", async (context) => {
    context.header("Content-Type", METRICS_TYPE);
    return context.body(await view.metrics());
  });
  app.get("/v1/ledger", async (context) => context.json(await view.ledger()));
  app.get("/v1/alerts", async (context) => context.json(await view.alerts()));
  app.get("/v1/workers", async (context) => context.json(await view.workers()));
  app.get("/v1/sinks", async (context) => context.json(await view.sinks()));
  app.get("/v1/sinks/:sink/events", async (context) => {
    const events = await view.events(context.req.param("sink"));
    if (events === undefined) return context.json({ error: "No sink of type memory has this name." }, 404);
    context.header("Content-Type", "application/x-ndjson");
    return context.body(events.map((event) => `${event}\n`).join(""));
  });
  app.notFound((context) =>
    context.json(
      {
        error:
          "Not found. This port has /livez, /readyz, /metrics, /v1/ledger, /v1/alerts, /v1/workers, /v1/sinks and /v1/sinks/NAME/events.",
      },
      404,
    ),
  );

  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { requestTimeout: 30_000, headersTimeout: 10_000 },
  });
  server.maxConnections = MAX_CONNECTIONS;
  server.listen(config.port, config.host);
  try {
    await once(server, "listening");
  } catch (error) {
    throw new MillraceError(
      "port_unavailable",
      `The admin port ${config.host}:${config.port} cannot be opened (${error instanceof Error ? error.message : String(error)}). ` +
        "Stop what uses it, or set admin.port to another port.",
      { cause: error },
    );
  }
  const address = server.address();
  assert(typeof address === "object" && address !== null, "a TCP server that listens has an address");
  return {
    port: address.port,
    async close() {
      const closed = once(server, "close");
      server.close();
      if ("closeAllConnections" in server) server.closeAllConnections();
      await closed;
    },
  };
}
