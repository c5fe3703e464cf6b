import { SAMPLE_KEY } from "./embedded-default.ts";
import type { LoadedConfig } from "./load-app-config.ts";

/** What is printed once the collector serves: where it listens and, on the embedded default, how to try it. */
export function banner(
  loaded: Extract<LoadedConfig, { kind: "ok" }>,
  collector: { readonly port: number; readonly adminPort: number; readonly servingWorkers: number },
  startedInMs: number,
): string {
  const { config, file } = loaded;
  const { port, adminPort, servingWorkers } = collector;
  const origin = `${config.listen.tls === undefined ? "http" : "https"}://${shownHost(config.listen.host)}:${port}`;
  const events = `${origin}/v1/events`;
  const admin = `http://${shownHost(config.admin.host)}:${adminPort}`;
  const sinks = config.sinks.map((sink) => `${sink.name} (${sink.type})`).join(", ");
  const lines = [
    `Millrace is ready after ${Math.round(startedInMs)} ms.`,
    `  configuration  ${file ?? "embedded default (no millrace.yaml here)"}`,
    `  events         POST ${events}`,
    `  API            ${origin}/openapi.json`,
    `  browser SDK    ${origin}/sdk.js  /sdk.json`,
    `  admin          ${admin}/metrics  /readyz  /v1/ledger`,
    `  workers        ${servingWorkers}`,
    `  journal        ${config.journal.durability === "memory" ? "in memory" : config.journal.dir} (${config.journal.durability})`,
    `  sinks          ${sinks}`,
  ];
  if (file === undefined) lines.push(...tryIt(loaded, events));
  return `${lines.join("\n")}\n\n`;
}

function tryIt(loaded: Extract<LoadedConfig, { kind: "ok" }>, url: string): string[] {
  const files = loaded.config.sinks.find((sink) => sink.type === "file");
  const event = { type: "page.viewed", data: { path: "/products/mug" } };
  return [
    `  write key      ${SAMPLE_KEY} (source web)`,
    "",
    "Try it:",
    "",
    `  curl -i ${url} \\`,
    `    -H 'Authorization: Bearer ${SAMPLE_KEY}' -H 'Content-Type: application/json' \\`,
    `    -d '${JSON.stringify(event)}'`,
    "",
    `It answers 201, and within seconds the event is in a file under ${files?.dir ?? "./data/events"}.`,
    `An event that does not fit its schema is answered with what is wrong, and kept under ${loaded.config.quarantine.dir}.`,
  ];
}

/** An address that a browser or curl on this machine can open. */
function shownHost(host: string): string {
  if (host === "0.0.0.0" || host === "::") return "127.0.0.1";
  return host.includes(":") ? `[${host}]` : host;
}
