import assert from "node:assert/strict";
import { once } from "node:events";
import { createAdaptorServer } from "@hono/node-server";
import { Hono } from "hono";
import type { Registry } from "prom-client";
import { MillraceError } from "../core/errors.ts";
import type { LedgerRow } from "../core/ledger.ts";
import type { AdminConfig } from "./config.ts";

/** What the admin port shows. Each function is asked at each request. */
export interface AdminView {
  readonly registry: Registry;
  health(): { readonly live: boolean; readonly ready: boolean; readonly reasons: readonly string[] };
  /** The events that a sink of type `memory` holds, as JSON, oldest first; `undefined` when there is no such sink. */
  events(sink: string): readonly string[] | undefined;
  sinks(): readonly Readonly<Record<string, unknown>>[];
  ledger(): {
    readonly balanced: boolean;
    readonly accepted: Readonly<Record<string, number>>;
    readonly quarantined: Readonly<Record<string, number>>;
    readonly rows: readonly LedgerRow[];
  };
}

export interface AdminServer {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts the admin port. Throws `port_unavailable`. */
export async function startAdminServer(config: AdminConfig, view: AdminView): Promise<AdminServer> {
  const app = new Hono();
  app.get("/livez", (context) => {
    const { live } = view.health();
    return context.json({ live }, live ? 200 : 503);
  });
  app.get("/readyz", (context) => {
    const { ready, reasons } = view.health();
    return context.json({ ready, reasons }, ready ? 200 : 503);
  });
  app.get("/metrics", async (context) => {
    context.header("Content-Type", view.registry.contentType);
    return context.body(await view.registry.metrics());
  });
  app.get("/v1/ledger", (context) => context.json(view.ledger()));
  app.get("/v1/sinks", (context) => context.json(view.sinks()));
  app.get("/v1/sinks/:sink/events", (context) => {
    const events = view.events(context.req.param("sink"));
    if (events === undefined) return context.json({ error: "No sink of type memory has this name." }, 404);
    context.header("Content-Type", "application/x-ndjson");
    return context.body(events.map((event) => `${event}\n`).join(""));
  });
  app.notFound((context) =>
    context.json(
      { error: "Not found. This port has /livez, /readyz, /metrics, /v1/ledger, /v1/sinks and /v1/sinks/NAME/events." },
      404,
    ),
  );

  const server = createAdaptorServer({
    fetch: app.fetch,
    serverOptions: { requestTimeout: 30_000, headersTimeout: 10_000 },
  });
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
