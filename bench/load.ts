import autocannon from "autocannon";
import { sampleEvent } from "./sample-event.ts";

export interface LoadResult {
  readonly requests: number;
  readonly failed: number;
  readonly durationMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
}

export interface Load {
  readonly connections: number;
  readonly requests: number;
  readonly eventsPerRequest: number;
}

/** How many different bodies are sent in turn; enough that nothing can be remembered between them. */
const BODIES = 64;

/** Sends requests over keep-alive connections as fast as they are answered, and counts every answer but 201 as failed. */
export async function runLoad(url: string, load: Load): Promise<LoadResult> {
  const requests = Array.from({ length: BODIES }, (_, body) => ({ body: bodyOf(body, load.eventsPerRequest) }));
  const options: autocannon.Options = {
    url,
    method: "POST",
    headers: { authorization: "Bearer wk_bench", "content-type": "application/json" },
    connections: load.connections,
    amount: load.requests,
    requests,
  };
  // Taken one by one, since the summary of autocannon is in whole milliseconds and half seconds.
  const latenciesMs: number[] = [];
  const startedMs = performance.now();
  let endedMs = startedMs;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const running = autocannon(options, (error: Error | null, summary) => (error ? reject(error) : resolve(summary)));
    running.on("response", (_client, _status, _bytes, latencyMs) => {
      latenciesMs.push(latencyMs);
      endedMs = performance.now();
    });
  });
  latenciesMs.sort((a, b) => a - b);
  return {
    requests: load.requests,
    failed: load.requests - result["2xx"],
    durationMs: endedMs - startedMs,
    p50Ms: percentile(latenciesMs, 0.5),
    p99Ms: percentile(latenciesMs, 0.99),
  };
}

/** Of sorted values, by the nearest rank. */
function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

function bodyOf(index: number, events: number): string {
  const list = Array.from({ length: events }, (_, at) => sampleEvent(index * events + at));
  return events === 1 ? (list[0] ?? "") : `[${list.join(",")}]`;
}
