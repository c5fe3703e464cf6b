/** Which part of the collector a frame belongs to, in the order in which they are asked. */
const PARTS: readonly (readonly [part: string, url: RegExp])[] = [
  ["plain HTTP", /\/(dist|src)\/ingest\/plain\//],
  ["node:http glue", /\/(dist|src)\/ingest\/(http1|http2|tls)\//],
  ["decompress", /\/(dist|src)\/ingest\/body\/decompress/],
  ["body", /\/(dist|src)\/ingest\/body\/(read-body|pending)/],
  ["scan and parse", /\/(dist|src)\/ingest\/(body\/json-scan|protocols\/(native|event-form))/],
  ["enrich", /\/(dist|src)\/ingest\/protocols\//],
  ["validate", /\/(dist|src)\/schemas\/|node_modules\/ajv|^evalmachine|^ajv:/],
  ["admission and answer", /\/(dist|src)\/ingest\//],
  ["journal", /\/(dist|src)\/journal\//],
  ["pipeline", /\/(dist|src)\/pipeline\//],
  ["sink: HTTP client", /node_modules\/undici|\/(dist|src)\/outbound\//],
  ["sink: sign", /\/(dist|src)\/aws\//],
  ["sink: encode", /\/(dist|src)\/sinks\//],
  ["metrics and logs", /node_modules\/(prom-client|pino)|\/(dist|src)\/telemetry\//],
  ["worker", /\/(dist|src)\//],
];

/** The part whose code this is; `undefined` for code of node and V8, which works for whoever called it. */
export function partOf(url: string): string | undefined {
  return PARTS.find(([, pattern]) => pattern.test(url))?.[0];
}

/** What V8 calls what is no function. */
export const SPECIAL: ReadonlyMap<string, string> = new Map([
  ["(garbage collector)", "garbage collection"],
  ["(program)", "native, not in a function"],
  ["(idle)", "idle"],
  ["(root)", "native, not in a function"],
]);

/** The part for code of node that nobody of ours called: its event loop, and what that calls. */
export function nodePart(url: string): string {
  if (/tls|crypto/.test(url)) return "node: TLS";
  if (/http/.test(url)) return "node: http";
  if (/stream|net|timers|task_queues|process|async_hooks|events/.test(url)) return "node: sockets and event loop";
  return "node: other";
}
