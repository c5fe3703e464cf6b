/** A configuration with one source `web` (key `wk_test`) and one Kinesis sink `stream` that retries fast. */
export function kinesisConfig(options: {
  readonly endpoint: string;
  readonly format?: "none" | "kpl" | "ndjson";
  readonly journal?: string;
  readonly more?: string;
}): string {
  return `
${options.more?.includes("workers:") === true ? "" : "workers: 1"}
journal: { dir: ./data/journal, ${options.journal ?? "durability: os"} }
quarantine: { dir: ./data/quarantine }
deadLetters: { dir: ./data/dead-letters }
sources:
  - { name: web, keys: [wk_test] }
sinks:
  - name: stream
    type: kinesis
    stream: web-events
    region: us-east-1
    endpoint: ${options.endpoint}
    format: ${options.format ?? "none"}
    timeoutMs: 2000
    batch: { maxAgeMs: 50 }
    retry: { minDelayMs: 10, maxDelayMs: 200 }
${options.more ?? ""}`;
}

/** The `id` of an event as a sink got it. */
export function idOf(event: Buffer): string {
  return (JSON.parse(event.toString()) as { id: string }).id;
}
